"""The picture of docs/architecture.md shows the imports as they are."""

import architecture


def test_the_picture_shows_the_imports():
    """Make it again with `python tests/docs/architecture.py` when this fails."""
    assert architecture.PICTURE.read_text(encoding="utf-8") == architecture.picture()


def test_no_room_imports_from_one_above_it():
    order = [room for layer in architecture.layers() for room in layer]
    for room in order:
        assert all(order.index(other) > order.index(room) for other in architecture.imported(room))
