"""Describe the function under test, as its owner configures it in Lambda."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

Family = Literal["python", "nodejs", "java", "provided"]
FAMILIES: tuple[Family, ...] = ("python", "nodejs", "java", "provided")
MIN_MEMORY_MB = 128  # AWS "Lambda quotas"
MAX_MEMORY_MB = 10_240
MAX_TIMEOUT_MS = 900_000


@dataclass(frozen=True, slots=True)
class Function:
    """One function's configuration.

    Args:
        code: Directory that becomes /var/task.
        handler: As configured in Lambda, ``module.function``.
        runtime: ``python3.x``, ``nodejs…``, ``java…`` or ``provided…``. The family decides which client is run; the
            version is that of the interpreter given to the emulator.
        name: Function name.
        version: Function version, ``$LATEST`` or a number.
        memory_mb: Memory in MB; a runtime process whose resident memory exceeds it is killed.
        timeout_ms: Function timeout in milliseconds.
        log_format: ``Text`` or ``JSON``.
        log_level: ApplicationLogLevel; only with JSON (AWS "Configuring advanced logging controls").
        environment: The customer's environment variables.

    Raises:
        ValueError: Lambda would refuse a value, or the code directory does not exist.
    """

    code: Path
    handler: str = "app.handler"
    runtime: str = "python"
    name: str = "function"
    version: str = "$LATEST"
    memory_mb: int = 128
    timeout_ms: int = 3_000
    log_format: Literal["Text", "JSON"] = "Text"
    log_level: str | None = None
    environment: dict[str, str] = field(default_factory=dict)
    region: str = "us-east-1"
    account_id: str = "123456789012"

    def __post_init__(self) -> None:
        """Refuse values that Lambda would refuse."""
        if not Path(self.code).is_dir():
            raise ValueError(f"code must be a directory: {self.code}")
        if not re.fullmatch(rf"({'|'.join(FAMILIES)})[\w.]*", self.runtime):
            raise ValueError(
                f"runtime must begin with python, nodejs, java or provided, not {self.runtime!r}"
            )
        if not MIN_MEMORY_MB <= self.memory_mb <= MAX_MEMORY_MB:
            raise ValueError(
                f"memory_mb must be {MIN_MEMORY_MB} to {MAX_MEMORY_MB}, not {self.memory_mb}"
            )
        if not 1 <= self.timeout_ms <= MAX_TIMEOUT_MS:
            raise ValueError(f"timeout_ms must be 1 to {MAX_TIMEOUT_MS}, not {self.timeout_ms}")
        if self.log_format not in ("Text", "JSON"):
            raise ValueError(f"log_format must be Text or JSON, not {self.log_format!r}")
        if self.log_level is not None and self.log_format != "JSON":
            raise ValueError(
                "log_level needs log_format JSON: Lambda has no level with the Text format"
            )

    @property
    def family(self) -> Family:
        """The kind of runtime client: python, nodejs, java or provided."""
        return next(one for one in FAMILIES if self.runtime.startswith(one))

    @property
    def arn(self) -> str:
        """The ARN that invocations carry."""
        arn = f"arn:aws:lambda:{self.region}:{self.account_id}:function:{self.name}"
        return arn if self.version == "$LATEST" else f"{arn}:{self.version}"
