"""Files are replaced as a whole."""

import pytest

from snnrun.files.writing import replacing


@pytest.mark.parametrize("durable", [False, True])
def test_a_file_is_replaced_at_the_end_of_the_block(tmp_path, durable):
    file = tmp_path / "a.txt"
    file.write_text("old")
    with replacing(file, durable=durable) as temporary:
        temporary.write_text("new")
        assert file.read_text() == "old"
    assert file.read_text() == "new"
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize("error", [OSError, KeyboardInterrupt])
def test_after_an_error_the_old_file_is_there_alone(tmp_path, error):
    file = tmp_path / "a.txt"
    file.write_text("old")

    def fail():
        with replacing(file) as temporary:
            temporary.write_text("half")
            raise error

    with pytest.raises(error):
        fail()
    assert file.read_text() == "old"
    assert list(tmp_path.iterdir()) == [file]


def test_a_file_of_a_dead_process_with_the_same_id_is_overwritten(tmp_path):
    file = tmp_path / "a.txt"
    with replacing(file) as temporary:
        name = temporary
        temporary.write_text("new")
    name.write_text("left behind")
    with replacing(file) as temporary:
        assert not temporary.exists()
        temporary.write_text("newer")
    assert file.read_text() == "newer"
