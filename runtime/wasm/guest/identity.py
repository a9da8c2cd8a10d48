"""Who a worker is: the user it runs as, and no capability of root's."""

import ctypes
import os
import pwd
from struct import pack

_CAPABILITY_VERSION = 0x20080522


def give_up_privileges(user: str | None, pipes: tuple[int, ...]) -> None:
    """Become `user`, if we are root, and drop all capabilities. `pipes` stay usable: WASI opens them anew.

    Raises LookupError for a user who is not there.
    """
    if os.geteuid() == 0 and user is not None:
        who = pwd.getpwnam(user)
        for each in pipes:
            os.fchown(each, who.pw_uid, who.pw_gid)
        os.setgroups([])
        os.setresgid(who.pw_gid, who.pw_gid, who.pw_gid)
        os.setresuid(who.pw_uid, who.pw_uid, who.pw_uid)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.capset(pack("<Ii", _CAPABILITY_VERSION, 0), bytes(24)):
        raise OSError(ctypes.get_errno(), "capabilities cannot be dropped")
