"""What is masked in the texts that are shown."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.common.masking import MASK, masked_text, secrets_in


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ('{"payment_token":"tok_visa","amount":3}', '{"payment_token":"hidden","amount":3}'),
        ('[{"a":{"code":1234}}]', '[{"a":{"code":"hidden"}}]'),
        ('{"code":null}', '{"code":null}'),
        ('{ "amount" : 3 }', '{ "amount" : 3 }'),
        ("<html>no JSON</html>", "<html>no JSON</html>"),
        ('{"payment_token": "tok_vi', '{"payment_token": "hidden"'),
        ('<p>{"code": 1234, "x": 1}</p>', '<p>{"code": "hidden", "x": 1}</p>'),
        ('{"code":"a\\"b"} and more', '{"code":"hidden"} and more'),
        ('{"a": "\\ud83c", "code": "12"}', '{"a": "\\ud83c", "code": "hidden"}'),
    ],
)
def test_values_of_secret_fields_are_masked(text: str, shown: str) -> None:
    """In JSON, and in what only looks like it; all else stays as it was written."""
    assert masked_text(text) == shown


def test_known_values_are_masked_wherever_they_stand() -> None:
    """Someone may answer with what was sent, in words of their own."""
    (secret,) = secrets_in('{"payment_token": "tok_visa", "code": "1", "amount": 3}')
    assert masked_text("no account for tok_visa!", [secret]) == f"no account for {MASK}!"


def test_deep_json_is_masked_as_text() -> None:
    """It is no reason to fail."""
    text = "[" * 9_000 + '{"code": "1234"}' + "]" * 9_000
    assert "1234" not in masked_text(text)
    assert secrets_in(text) == []


@given(
    st.recursive(
        st.text(max_size=4) | st.integers(-9, 9) | st.none(),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["code", "payment_token", "a"]), inner, max_size=3)
        ),
        max_leaves=6,
    ),
    st.text("xyz", min_size=8, max_size=12),
    st.sampled_from(["code", "payment_token", "idempotency_key"]),
    st.integers(0, 200),
)
def test_no_secret_is_left_in_any_document(
    inner: object, secret: str, name: str, length: int
) -> None:
    """Nor in the beginning of one, as far as it names the field."""
    text = json.dumps({"before": inner, name: secret, "after": inner})
    for part in (text, text[:length], f"<{text}>"):
        assert secret[:5] not in masked_text(part) or secret[:5] in json.dumps(inner)
