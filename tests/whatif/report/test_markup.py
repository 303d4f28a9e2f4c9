from whatif.report.markup import table


def test_table_marks_words_figures_and_code() -> None:
    """Words stand left, figures right, and code may wrap anywhere."""
    text = table(("a", "b", "c"), [(True, ("<x>", "1", "y=z"))], code=True)

    assert '<tr class="own"><th scope="row">&lt;x&gt;</th>' in text
    assert '<td class="figure">1</td><td class="code">y=z</td>' in text
    assert 'class="code">' not in table(("a", "b"), [(False, ("x", "1"))])
