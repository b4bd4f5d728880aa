from tests.worker.images import formats


def test_every_kind_mode_and_orientation_is_read_as_the_picture() -> None:
    wrong = [row for row in formats.rows() if max(row.errors) > row.most]
    assert wrong == []


def test_the_document_names_every_row() -> None:
    text = formats.FILE.read_text("utf-8")
    for row in formats.rows():
        assert f"| {row.kind} | {row.mode} | {row.orientation} | {row.profile} |" in text
