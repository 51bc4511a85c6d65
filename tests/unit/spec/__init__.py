"""Tests of the experiment file: loading, checking, schema."""
