"""The life of an order, as a customer sees it: State, decide, evolve; one module per theme."""

from services.order.domain.agenda import Agenda, Call, agenda
from services.order.domain.cancellation import CancelTicket
from services.order.domain.decider import decide, labels, order_decider
from services.order.domain.evolution import evolve
from services.order.domain.order import (
    Order,
    OrderStatus,
    PaymentStatus,
    Refund,
    RefundStatus,
    Refusal,
)
from services.order.domain.payment import ChargePayment, VoidPayment, charge_key
from services.order.domain.policy import Policy
from services.order.domain.preparation import RequestPreparation, ticket_key
from services.order.domain.refunds import RefundPayment
from services.order.domain.submission import content

__all__ = [
    "Agenda",
    "Call",
    "CancelTicket",
    "ChargePayment",
    "Order",
    "OrderStatus",
    "PaymentStatus",
    "Policy",
    "Refund",
    "RefundPayment",
    "RefundStatus",
    "Refusal",
    "RequestPreparation",
    "VoidPayment",
    "agenda",
    "charge_key",
    "content",
    "decide",
    "evolve",
    "labels",
    "order_decider",
    "ticket_key",
]
