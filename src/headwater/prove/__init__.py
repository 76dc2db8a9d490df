"""Prove that a connector loses nothing: run it against its simulated vendor under every law, and say what came of it."""

from headwater.prove.law import Case, Effort, Judgement, Law, Verdict
from headwater.prove.laws import LAWS
from headwater.prove.page import render
from headwater.prove.proof import Progress, Proof, prove
from headwater.prove.tree import tree_hash

__all__ = ["LAWS", "Case", "Effort", "Judgement", "Law", "Progress", "Proof", "Verdict", "prove", "render", "tree_hash"]
