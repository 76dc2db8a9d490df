"""Write a vendor's fake API: routes as plain functions over seeded data, served over real HTTP, with faults on demand."""

from headwater.simulate.envelope import Envelope
from headwater.simulate.fault import CONTRACT_BREAKS, REQUEST_FAULTS, Fault, FaultPlan, FaultRule
from headwater.simulate.message import Reply, Request
from headwater.simulate.population import Population, Record, choice, draw
from headwater.simulate.position_token import PositionToken
from headwater.simulate.rate_limit import RateLimit
from headwater.simulate.request_log import Exchange
from headwater.simulate.server import Server, serve
from headwater.simulate.simulation import Route, Simulation
from headwater.simulate.simulator import Simulator, load_simulator
from headwater.simulate.traffic import Conditions, Event

__all__ = [
    "CONTRACT_BREAKS",
    "REQUEST_FAULTS",
    "Conditions",
    "Envelope",
    "Event",
    "Exchange",
    "Fault",
    "FaultPlan",
    "FaultRule",
    "Population",
    "PositionToken",
    "RateLimit",
    "Record",
    "Reply",
    "Request",
    "Route",
    "Server",
    "Simulation",
    "Simulator",
    "choice",
    "draw",
    "load_simulator",
    "serve",
]
