"""The relay of these tests, by Python's own SMTP client: what it takes is in the mailbox, what it must not take is not."""

import smtplib
import ssl

import pytest

from coid import PASSWORD, message
from relay import Relay


@pytest.fixture
def relay(coid, alice, bob):
    with Relay(coid, {alice: PASSWORD, bob: PASSWORD}) as relay:
        yield relay


def context(coid):
    return ssl.create_default_context(cafile=coid.settings["tls.cert"])


@pytest.fixture(params=["tls", "starttls"])
def smtp(request, coid, relay):
    if request.param == "tls":
        smtp = smtplib.SMTP_SSL("localhost", relay.tls_port, timeout=60, context=context(coid))
    else:
        smtp = smtplib.SMTP("localhost", relay.starttls_port, timeout=60)
        assert not smtp.has_extn("auth")
        smtp.starttls(context=context(coid))
    with smtp:
        yield smtp


def test_mail_for_two_users_reaches_both(coid, alice, bob, smtp):
    smtp.login(alice, PASSWORD)
    body = message(body="..two dots\r\n.\r\n" + "long " * 5000 + "\r\n")
    assert smtp.sendmail(alice, [alice, bob], body) == {}
    for user in (alice, bob):
        imap = coid.login(user, mailbox="INBOX")
        assert imap.fetch("1", "(BODY.PEEK[])")[1][0][1].endswith(body)


def test_without_a_login_nothing_is_taken(alice, relay, smtp):
    with pytest.raises(smtplib.SMTPSenderRefused) as refused:
        smtp.sendmail(alice, [alice], message())
    assert refused.value.smtp_code == 530
    with pytest.raises(smtplib.SMTPAuthenticationError):
        smtp.login(alice, "wrong")
    assert relay.taken == []


def test_a_stranger_is_no_recipient(alice, smtp):
    smtp.login(alice, PASSWORD)
    with pytest.raises(smtplib.SMTPRecipientsRefused):
        smtp.sendmail(alice, ["stranger@example.net"], message())


def test_what_coid_refuses_is_answered_and_remembered(coid, alice, relay, smtp):
    coid.ctl("user", "del", alice)
    smtp.login(alice, PASSWORD)
    with pytest.raises(smtplib.SMTPDataError) as refused:
        smtp.sendmail(alice, [alice], message())
    assert refused.value.smtp_code == 550
    assert relay.refused[0][:2] == (alice, 550)
