"""The laws, one module each. LAWS is the list a proof goes through."""

from headwater.prove.laws.declared import DECLARED
from headwater.prove.laws.failing import FAILING
from headwater.prove.laws.keys import KEYS
from headwater.prove.laws.killed import KILLED
from headwater.prove.laws.page_size import PAGE_SIZE
from headwater.prove.laws.repeated import REPEATED
from headwater.prove.laws.secrecy import SECRECY
from headwater.prove.laws.small import SMALL

__all__ = ["LAWS"]

LAWS = (KILLED, REPEATED, FAILING, PAGE_SIZE, KEYS, SECRECY, SMALL, DECLARED)
