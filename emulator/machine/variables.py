"""Make the environment variables of runtimes and of extensions.

Sources: AWS "Using Lambda environment variables"; for the variables that extensions lack, AWS "Lambda Extensions API".
"""

from collections.abc import Mapping

from emulator.machine.filesystem import Places
from emulator.model.function import Function

WITHHELD = frozenset(
    {
        "AWS_EXECUTION_ENV",
        "AWS_LAMBDA_LOG_GROUP_NAME",
        "AWS_LAMBDA_LOG_STREAM_NAME",
        "AWS_XRAY_CONTEXT_MISSING",
        "AWS_XRAY_DAEMON_ADDRESS",
        "LAMBDA_RUNTIME_DIR",
        "LAMBDA_TASK_ROOT",
    }
)


def runtime_variables(  # noqa: PLR0913 - all keyword-only
    function: Function,
    places: Places,
    *,
    api: str,
    log_stream: str,
    initialization_type: str,
    max_concurrency: int | None,
    extra: Mapping[str, str],
) -> dict[str, str]:
    """Return the runtime's environment variables."""
    lang, runtime, task, opt = places.lang, places.runtime, places.task, places.opt
    libraries = [f"{lang}/lib", "/lib64", "/usr/lib64", runtime, f"{runtime}/lib", task]
    variables = {
        "PATH": f"{lang}/bin:/usr/local/bin:/usr/bin:/bin:{opt}/bin",
        "LD_LIBRARY_PATH": ":".join([*libraries, f"{task}/lib", f"{opt}/lib"]),
        "LANG": "C.UTF-8",
        "TZ": ":UTC",
        "AWS_REGION": function.region,
        "AWS_DEFAULT_REGION": function.region,
        "AWS_ACCESS_KEY_ID": "ASIALOCALLAMBDA00000",
        "AWS_SECRET_ACCESS_KEY": "local-lambda-secret",
        "AWS_SESSION_TOKEN": "local-lambda-token",
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{function.runtime}",
        "AWS_LAMBDA_FUNCTION_NAME": function.name,
        "AWS_LAMBDA_FUNCTION_VERSION": function.version,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_mb),
        "AWS_LAMBDA_INITIALIZATION_TYPE": initialization_type,
        "AWS_LAMBDA_LOG_FORMAT": function.log_format,
        "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{function.name}",
        "AWS_LAMBDA_LOG_STREAM_NAME": log_stream,
        "AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR",
        "AWS_XRAY_DAEMON_ADDRESS": "169.254.79.129:2000",
        "_AWS_XRAY_DAEMON_ADDRESS": "169.254.79.129",
        "_AWS_XRAY_DAEMON_PORT": "2000",
        "LAMBDA_TASK_ROOT": task,
        "LAMBDA_RUNTIME_DIR": runtime,
        "_HANDLER": function.handler,
    }
    if function.family == "python":
        variables["PYTHONPATH"] = runtime
    if function.log_level is not None:
        variables["AWS_LAMBDA_LOG_LEVEL"] = function.log_level
    if max_concurrency is not None:
        variables["AWS_LAMBDA_MAX_CONCURRENCY"] = str(max_concurrency)
    # The customer may override all but the reserved ones; the emulator's `environ` comes last.
    variables |= function.environment | dict(extra)
    variables["AWS_LAMBDA_RUNTIME_API"] = api
    variables["AWS_LAMBDA_INITIALIZATION_TYPE"] = initialization_type
    return variables


def extension_variables(runtime: Mapping[str, str]) -> dict[str, str]:
    """Return the runtime's variables without those that AWS withholds from extensions."""
    return {k: v for k, v in runtime.items() if k not in WITHHELD and not k.startswith("_")}
