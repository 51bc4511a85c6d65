"""Texts that are joined keep the place of each character."""

from snnrun.source import SourceFile, Span, Text, join


def whole(name, value):
    file = SourceFile(name, value)
    return Text(value, file, tuple(range(len(value) + 1)))


A, B = whole("a", "dv/dt = -v"), whole("b", "  g*(E - v)")
TEXT = join([A.slice(0, 10), " + (", B.slice(2, 11), ")"])


def place(span):
    return span.file.name, span.start, span.end


def test_a_joined_text_has_the_places_of_its_parts():
    assert TEXT.value == "dv/dt = -v + (g*(E - v))"
    assert place(TEXT.span(1, 2)) == ("a", 1, 2)
    assert place(TEXT.span(14, 15)) == ("b", 2, 3)
    assert place(TEXT.span(11, 12)) == ("a", 10, 11)  # what stands in no file: the end of what stands before it
    assert place(TEXT.span(8, 20)) == ("a", 8, 10)


def test_pieces_of_a_joined_text_are_texts_like_others():
    piece = TEXT.slice(14, 23)
    assert (piece.value, place(piece.span())) == ("g*(E - v)", ("b", 2, 11))
    assert TEXT.slice(8, 16).value == "-v + (g*"
    assert place(TEXT.slice(8, 16).span(7, 8)) == ("b", 3, 4)
    assert TEXT.slice(5, 5).value == ""
    assert join([TEXT, "\n", TEXT]).value == f"{TEXT.value}\n{TEXT.value}"
    assert place(join([TEXT, "\n", TEXT]).span(39, 40)) == ("b", 2, 3)


def test_a_range_over_two_sources_is_at_its_end():
    a, b = TEXT.span(0, 2), TEXT.span(14, 16)
    assert a.up_to(b) is b
    assert place(a.up_to(TEXT.span(8, 9))) == ("a", 0, 9)
    assert place(TEXT.span(8, 9).up_to(a)) == ("a", 0, 2)
    assert place(Span(A.file, 0, 9).up_to(Span(A.file, 2, 4))) == ("a", 0, 9)
