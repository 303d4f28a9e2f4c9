import pytest

from extension.aws.errors import Missing, receipt_for_aws
from extension.selfcheck.remedies import ADVICE, code_and_status, reason_in
from extension.transport.client import Reply
from extension.transport.errors import Reason


@pytest.mark.parametrize("reason", [*Reason, *Missing])
def test_every_reason_has_its_advice(reason: Reason | Missing) -> None:
    """A reason without advice would leave the reader of the check alone with it."""
    assert ADVICE[reason]
    assert reason_in(f"PutLogEvents: {reason.value}: more words") is reason


@pytest.mark.parametrize("code", ["AccessDeniedException", "NoSuchBucket", ""])
@pytest.mark.parametrize("status", [400, 403, 503])
def test_check_reads_code_and_status_that_receipts_write(code: str, status: int) -> None:
    """Advice goes by the code, so the self-check must find it where the receipt has it."""
    receipt = receipt_for_aws(Reply(status, {"x-amzn-errortype": code}, b""), sent_bytes=0)

    assert code_and_status(f"CreateLogStream: {receipt.detail}") == (code, status)
