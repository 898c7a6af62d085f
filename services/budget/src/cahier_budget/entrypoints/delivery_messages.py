"""Answers about books and deliveries as the contract's messages; no rules but those of form."""

from __future__ import annotations

from cahier_budget.application.book_queries import (
    BooksAnswer,
    DeliveryAnswer,
    NumberedEntry,
    ProjectMoney,
    VersionAnswer,
)
from cahier_budget.domain.works import Milestone
from cahier_contracts.budget.v1 import delivery_pb2 as pb


def write_books(answer: BooksAnswer) -> pb.GetBooksResponse:
    total = answer.accounts.total
    return pb.GetBooksResponse(
        envelope_cents=answer.accounts.envelope_cents,
        unallocated_cents=total("unallocated"),
        reserved_cents=total("reserved"),
        committed_cents=total("committed"),
        paid_cents=total("paid"),
        returned_cents=total("returned"),
        closed=answer.is_closed,
        entries=answer.entries,
        projects=map(write_project_books, answer.projects),
    )


def write_project_books(project: ProjectMoney) -> pb.ProjectBooks:
    return pb.ProjectBooks(
        project_id=project.project_id,
        number=project.number,
        state=project.state,
        reserved_cents=project.money.reserved_cents,
        committed_cents=project.money.committed_cents,
        paid_cents=project.money.paid_cents,
        cost_cents=project.cost_cents,
    )


def write_entry(numbered: NumberedEntry) -> pb.BookEntry:
    entry = numbered.entry
    message = pb.BookEntry(
        number=entry.version,
        event_id=numbered.event_id,
        kind=entry.kind,
        project_id=entry.project_id,
        item_id=entry.item,
        tender_id=entry.tender_id,
        due=entry.due,
        texts=entry.texts,
        postings=[
            pb.BookPosting(
                account=posting.account,
                cents=posting.cents,
                project=posting.project,
                item=posting.item,
            )
            for posting in entry.postings
        ],
    )
    message.at.FromDatetime(entry.at)
    return message


def write_delivery(answer: DeliveryAnswer) -> pb.GetDeliveryResponse:
    works, number = answer.works, answer.project.number
    committed = answer.accounts.of("committed", number)
    paid = answer.accounts.of("paid", number)
    return pb.GetDeliveryResponse(
        books=write_project_books(answer.project),
        milestones=map(_milestone, works.milestones.values()),
        tenders=[
            pb.Tender(
                tender_id=each.id,
                title=each.title,
                left_cents=committed.get(each.id, 0),
                closed=each.is_closed,
            )
            for each in works.tenders.values()
        ],
        invoices=[
            pb.Invoice(invoice_id=each.id, payee=each.payee, cents=paid.get(each.id, 0))
            for each in works.invoices.values()
        ],
        photos=[
            pb.DeliveryPhoto(photo_id=each.id, alt=each.alt, milestone_id=each.milestone_id)
            for each in works.photos.values()
        ],
        delivered=answer.is_delivered,
    )


def _milestone(milestone: Milestone) -> pb.Milestone:
    message = pb.Milestone(
        milestone_id=milestone.id,
        title=milestone.title,
        due=milestone.due,
        planned_due=milestone.planned_due,
    )
    if milestone.reached is not None:
        message.reached_at.FromDatetime(milestone.reached)
    return message


def write_version(answer: VersionAnswer) -> pb.ResultVersion:
    version, result = answer.version, answer.version.result
    message = pb.ResultVersion(
        event_id=answer.event_id,
        announced_event_id=answer.announced_event_id,
        reason=version.reason,
        selected=result.selected,
        spent_cents=result.spent_cents,
        ballots_counted=result.ballots_counted,
        ballots_invalid=result.ballots_invalid,
        ballots_annulled=result.ballots_annulled,
        log_size=result.log_size,
        code_version=result.code_version,
        rule=result.rules.rule,
    )
    message.counted_at.FromDatetime(version.counted_at)
    if version.published_at is not None:
        message.announced_at.FromDatetime(version.published_at)
    return message
