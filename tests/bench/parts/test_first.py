from bench.parts.first import count_calls

TRACE = """\
7 100.000001 openat(AT_FDCWD, "/lib/libc.so"..., O_RDONLY) = 3
7 100.000002 read(3, ""..., 832) = 832
7 100.000003 openat(AT_FDCWD, "/missing"..., O_RDONLY) = -1 ENOENT (No such file or directory)
8 100.000004 pread64(3,  <unfinished ...>
7 100.000005 open("/a"..., O_RDONLY|O_CLOEXEC) = 4
8 100.000006 <... pread64 resumed>""..., 64, 64) = 64
7 100.000007 read(4, 0x7f, 10) = -1 EAGAIN (Resource temporarily unavailable)
7 200.000001 openat(AT_FDCWD, "/late"..., O_RDONLY) = 5
7 200.000002 read(5, ""..., 9) = 9
"""


def test_calls_are_counted_until_the_delivery() -> None:
    """What failed, and what came later, does not count; a call in two parts counts once."""
    assert count_calls(TRACE.splitlines(), 150.0) == (2, 832 + 64)
