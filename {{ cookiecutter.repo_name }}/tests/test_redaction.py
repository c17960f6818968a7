"""What is a secret, and what only looks like one."""

import pytest

from {{ cookiecutter.python_package }}.redaction import (
    hide_secrets,
    is_secret,
    redact,
)

SECRETS = """
token hf_token accessToken api_key api-key apikey API_KEY aws_access_key
aws_secret_access_key secret_key clientSecret pwd password db.password password_2
passwd credentials X-Auth-Token credentials.user private_key storage.account_key
authorization
"""
HARMLESS = """
token_pattern max_tokens models.secretary.enabled tokenizer key passthrough compass
sort_key monkey bypass pass_through
"""


@pytest.mark.parametrize("name", SECRETS.split())
def test_secrets(name: str) -> None:
    assert is_secret(name)


@pytest.mark.parametrize("name", HARMLESS.split())
def test_words_that_only_look_like_secrets(name: str) -> None:
    assert not is_secret(name)


def test_secrets_are_hidden_however_deep_they_lie() -> None:
    given = {"users": [{"name": "me", "password": "x"}], "credentials": {"user": "me"}}
    assert hide_secrets(given) == {
        "users": [{"name": "me", "password": "***"}],
        "credentials": "***",
    }


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        (
            "http://me:p/ss@host/a and https://host/b",
            "http://***@host/a and https://host/b",
        ),
        ("postgresql://u:p@ss@h/db", "postgresql://***@h/db"),
        ("see https://h/a@b me@mail", "see https://***@b me@mail"),
        ("models:/iris@champion", "models:/iris@champion"),
        ("https://h/?a=1&token=abc&b=2#x", "https://h/?a=1&token=***&b=2#x"),
        ("'https://h/?api-key=abc', why?", "'https://h/?api-key=***', why?"),
        ("https://h/?max_tokens=5", "https://h/?max_tokens=5"),
    ],
)
def test_addresses(text: str, redacted: str) -> None:
    assert redact(text) == redacted
