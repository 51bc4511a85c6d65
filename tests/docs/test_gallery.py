"""The gallery shows every experiment."""

import gallery


def test_the_page_is_that_of_the_experiments():
    assert gallery.PAGE.read_text(encoding="utf-8") == gallery.page_text()


def test_every_image_belongs_to_an_experiment():
    known = {gallery.image_of(example) for example in gallery.shown()}
    found = set(gallery.IMAGES.glob("*.png"))
    assert found <= known
    assert len(known - found) <= 1  # one records nothing that can be drawn
