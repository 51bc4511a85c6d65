"""Every picture of the pages for users comes from a run of a file of the project."""

import page_pictures
import pytest


def test_no_picture_is_named_in_vain():
    assert set(page_pictures.EXPERIMENTS) | set(page_pictures.DRAWN) <= set(page_pictures.shown())


@pytest.mark.parametrize("image", page_pictures.shown())
def test_every_picture_has_its_experiment(image):
    assert page_pictures.experiment(image).is_file()
    assert (page_pictures.IMAGES / f"{image}.png").is_file()
