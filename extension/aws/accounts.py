"""Compare the account in an ARN with the function's."""

from extension.model.aws_targets import Arn, read_arn
from extension.model.chunk import Chunk
from extension.model.receipt import Answer, Receipt

OTHER_ACCOUNT = "AWS takes this from the same account only"
"""Of a log group or a stream: PutLogEvents and PutRecordBatch have a name and no ARN among their parameters."""


def refuse_other_account(arn: Arn | None, chunks: list[Chunk]) -> Receipt | None:
    """Return a refusal if an ARN's account is not the function's, whose own resource of that name would be written to.

    For actions that take a name in place of an ARN. The function's account is in the ARN by which it was invoked. None
    where that is not known, as on Managed Instances.
    """
    invoked = (read_arn(chunk.metadata.arn) for chunk in chunks)
    account = next((one.account for one in invoked if one), "")
    if arn is None or account in ("", arn.account):
        return None
    detail = f"{OTHER_ACCOUNT}: the ARN names {arn.account}, and the function is of {account}"
    return Receipt(Answer.DENIED, detail)
