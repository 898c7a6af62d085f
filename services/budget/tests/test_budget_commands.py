"""Staff's commands on a real ledger: accepted, refused, repeated, conflicting; and due dates."""

from __future__ import annotations

import asyncio
import json
import stat
import threading
from uuid import UUID, uuid4

import pytest

from cahier_budget.adapters.views import DirectoryView
from cahier_budget.application.elections import Elections
from cahier_budget.application.policies import DueTransitions
from cahier_budget.application.projections import ELECTIONS, fold_elections
from cahier_budget.domain import corrections
from cahier_kernel.errors import DomainError, FailedPrecondition, Forbidden, NotFound
from cahier_ledger.bus.projection import OwnProjection
from cahier_ledger.bus.views import ViewDatabase
from cahier_ledger.model import Idempotency
from cahier_record.budget.views import BudgetView
from cahier_record.events import decode_leaf


def public_view(app):
    view = BudgetView()
    for row in app.ledger.read_public(0, 1000):
        view.apply(row.public_seq - 1, decode_leaf(row.leaf))
    return view


async def test_only_staff_command(app, kit):
    election = await app.open_election()
    head = app.ledger.head_seq()
    for claims in (kit.claims("resident"), kit.claims("importer"), kit.claims("admin")):
        for refused in (
            app.commands.create_election(claims, kit.new()),
            app.commands.change_rules(claims, election.id, kit.rules, "why"),
            app.commands.add_project(claims, election.id, str(uuid4())),
            app.commands.cost_project(claims, election.id, str(uuid4()), 1),
            app.commands.judge_feasibility(claims, election.id, str(uuid4()), "feasible", ""),
            app.commands.open_voting(claims, election.id),
            app.commands.close_voting(claims, election.id, "why"),
            app.commands.count_ballots(claims, election.id),
            app.commands.publish_result(claims, election.id),
        ):
            with pytest.raises(Forbidden) as refusal:
                await refused
            assert refusal.value.code == "role_required"
    assert app.ledger.head_seq() == head


async def test_what_is_told_in_public_folds_without_fault_to_the_same_election(app, kit):
    election = await app.open_election()
    await app.casting.cast(kit.importer, election.ballot(1, 2))
    await app.casting.cast(kit.importer, election.ballot(3, sequence=2))
    await app.commands.close_voting(app.staff, election.id, "enough")
    await app.commands.count_ballots(app.staff, election.id)
    await app.commands.publish_result(app.staff, election.id)
    view = public_view(app)
    assert view.faults == []
    told = view.elections[election.id]
    with app.elections.reading(UUID(election.id)) as own:
        assert told.state == own.state == "published"
        assert told.costs() == own.costs()
        assert told.private_key == own.trustee_private_key
        assert told.count.result == own.result
        assert own.result.ballots_counted == 1
        assert own.result.selected == (3,)


async def test_no_text_stands_in_a_leaf_but_its_disclosure_is_kept(app, kit):
    done = await app.commands.create_election(app.staff, kit.new(source='{"file":"x.pb"}'))
    leaf = app.ledger.public_by_id(done.event_id).leaf
    assert b"Our city" not in leaf
    assert {item.name: item.value for item in app.ledger.disclosures(done.event_id)} == {
        "description": "Two million for ideas.",
        "source": '{"file":"x.pb"}',
        "title": "Our city",
    }


async def test_a_proposal_must_be_known_as_accepted(app, kit):
    id = (await app.commands.create_election(app.staff, kit.new())).election_id
    with pytest.raises(FailedPrecondition) as refusal:
        await app.commands.add_project(app.staff, id, str(uuid4()))
    assert refusal.value.code == "proposal_not_accepted"


async def test_the_private_key_is_on_disk_for_the_owner_alone(app):
    election = await app.open_election()
    path = app.folder / "keys" / f"trustee-{election.id}.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert app.keys.make(election.id) == election.public_key
    for row in app.ledger.read_public(0, 1000):
        assert app.keys.private_key(election.id).encode() not in row.leaf


async def test_an_election_that_may_not_open_gets_no_key(app, kit):
    id = (await app.commands.create_election(app.staff, kit.new())).election_id
    with pytest.raises(FailedPrecondition) as refusal:
        await app.commands.open_voting(app.staff, id)
    assert refusal.value.code == "no_feasible_project"
    assert not (app.folder / "keys").exists()


async def test_opening_says_what_the_public_log_is_held_to(app):
    await app.open_election()
    leaves = [json.loads(row.leaf) for row in app.ledger.read_public()]
    (opened,) = [leaf for leaf in leaves if leaf["t"] == "budget.v1.election.voting_opened"]
    assert opened["data"]["policy"] == "digest of a policy"


async def test_an_election_remembers_under_which_policy_it_was_opened(app):
    opened = await app.open_election()
    with app.elections.reading(UUID(str(opened.id))) as election:
        assert election.log_policy == "digest of a policy"


async def test_closing_and_the_key_are_one_append(app):
    election = await app.open_election()
    before = app.ledger.head_seq()
    await app.commands.close_voting(app.staff, election.id, "enough")
    closed, key = app.ledger.read_all(before)
    assert [closed.type, key.type] == [
        "budget.election.voting_closed",
        "budget.election.trustee_key_published",
    ]


async def test_transitions_repeated_have_the_same_answer_and_store_nothing(app):
    election = await app.open_election()
    commands, staff, id = app.commands, app.staff, election.id
    for command in (
        lambda: commands.open_voting(staff, id),
        lambda: commands.close_voting(staff, id, "enough"),
        lambda: commands.count_ballots(staff, id),
        lambda: commands.publish_result(staff, id),
    ):
        first = await command()
        head = app.ledger.head_seq()
        assert await command() == first
        assert app.ledger.head_seq() == head


async def test_transitions_out_of_order_are_refused(app):
    election = await app.open_election()
    for refused, code in (
        (app.commands.count_ballots(app.staff, election.id), "voting_not_closed"),
        (app.commands.publish_result(app.staff, election.id), "ballots_not_counted"),
        (app.commands.close_voting(app.staff, election.id, ""), "closing_date_not_reached"),
        (app.commands.open_voting(app.staff, str(uuid4())), "election_not_found"),
        (app.commands.open_voting(app.staff, "x"), "id_malformed"),
    ):
        with pytest.raises(DomainError) as refusal:
            await refused
        assert refusal.value.code == code


async def test_a_refused_command_leaves_the_kept_election_as_it_was(app):
    election = await app.open_election()
    with app.elections.reading(UUID(election.id)) as found:
        version = found.version
    with pytest.raises(FailedPrecondition):
        await app.commands.change_rules(app.staff, election.id, app.kit.rules, "why")
    with app.elections.reading(UUID(election.id)) as found:
        assert (found.version, found.pending_events) == (version, [])


async def test_an_append_that_fails_throws_the_kept_election_away(app, kit):
    """An answer under the same key is there already: what was decided must not linger."""
    id = (await app.commands.create_election(app.staff, kit.new())).election_id
    kept = Idempotency("key", b"digest", b"answer")
    rules, staff = kit.rules, app.staff
    await app.commands.change_rules(staff, id, rules, "first", keep=lambda done: kept)
    with pytest.raises(DomainError) as refusal:
        await app.commands.change_rules(staff, id, rules, "second", keep=lambda done: kept)
    assert refusal.value.code == "idempotency_key_used"
    with app.elections.reading(UUID(id)) as found:
        assert found.version == app.ledger.stream_version(id) == 2


async def test_a_command_behind_the_times_is_decided_again(app, kit):
    id = (await app.commands.create_election(app.staff, kit.new())).election_id
    with app.elections.reading(UUID(id)):
        elsewhere = Elections(app.aggregates)
    await asyncio.to_thread(
        elsewhere.change, UUID(id), lambda e: e.change_rules(kit.rules, "x", now=kit.now)
    )
    await app.commands.change_rules(app.staff, id, kit.rules, "y")
    assert app.ledger.stream_version(id) == 3


async def test_many_at_once_lose_nothing(app, kit):
    id = (await app.commands.create_election(app.staff, kit.new())).election_id
    await asyncio.gather(*(app.add_project(id, cost) for cost in range(1, 31)))
    with app.elections.reading(UUID(id)) as election:
        assert sorted(project.number for project in election.projects.values()) == [*range(1, 31)]
        assert sorted(cost for cost in election.costs().values() if cost) == [*range(1, 31)]


async def test_an_unknown_election_is_not_found_again_and_again(app):
    id = str(uuid4())
    for _ in range(3):
        with pytest.raises(NotFound):
            await app.commands.open_voting(app.staff, id)
    assert app.elections._slots == {}


@pytest.fixture
async def due(app):
    views = ViewDatabase(app.folder / "views.db")
    own = OwnProjection(app.ledger, views, ELECTIONS, fold_elections)
    task = asyncio.create_task(own.run())
    transitions = DueTransitions(DirectoryView(views), app.elections, app.commands, app.life)

    async def tick():
        assert await own.wait_for(app.ledger.head_seq(), 30)
        await transitions(app.clock.now())
        assert await own.wait_for(app.ledger.head_seq(), 30)

    yield tick
    task.cancel()
    views.close()


def state(app, id):
    with app.elections.reading(UUID(id)) as election:
        return election.state


async def test_voting_opens_and_closes_by_the_clock(app, kit, due):
    app.clock.set(kit.opens_at.replace(hour=1))
    id = (await app.commands.create_election(app.staff, kit.new())).election_id
    app.clock.set(kit.now)
    await due()
    assert state(app, id) == "preparing"  # Nothing to vote on yet.
    await app.add_project(id, 5)
    await due()
    assert state(app, id) == "open"
    await due()
    assert state(app, id) == "open"
    app.clock.set(kit.closes_at)
    await due()
    await due()
    assert state(app, id) == "closed"
    assert public_view(app).faults == []


async def test_an_election_that_was_never_opened_stays_prepared_after_its_dates(app, kit, due):
    id = (await app.commands.create_election(app.staff, kit.new())).election_id
    app.clock.set(kit.closes_at)
    await due()
    assert state(app, id) == "preparing"


async def test_a_count_goes_on_when_its_caller_leaves_and_who_asks_again_gets_the_same(
    app, monkeypatch
):
    begun, may_go_on = threading.Event(), threading.Event()
    count = app.commands._count

    def slowly(*given):
        begun.set()
        may_go_on.wait(30)
        return count(*given)

    monkeypatch.setattr(app.commands, "_count", slowly)
    election = await app.open_election()
    await app.commands.close_voting(app.staff, election.id, "enough")
    leaving = asyncio.create_task(app.commands.count_ballots(app.staff, election.id))
    await asyncio.to_thread(begun.wait, 30)
    leaving.cancel()
    again = asyncio.create_task(app.commands.count_ballots(app.staff, election.id))
    await asyncio.sleep(0)
    may_go_on.set()
    done = await again
    assert (await app.commands.count_ballots(app.staff, election.id)) == done
    assert state(app, election.id) == "counted"


async def test_an_election_is_counted_so_many_times_and_no_more(app, monkeypatch):
    monkeypatch.setattr(corrections, "COUNTS_MAX", 2)
    election = await app.open_election()
    await app.commands.close_voting(app.staff, election.id, "enough")
    await app.commands.count_ballots(app.staff, election.id)
    second = await app.commands.count_ballots(app.staff, election.id, reason="Doubts.")
    with pytest.raises(FailedPrecondition) as refusal:
        await app.commands.count_ballots(app.staff, election.id, reason="More doubts.")
    assert refusal.value.code == "too_many_counts"
    assert await app.commands.count_ballots(app.staff, election.id) == second
    assert public_view(app).faults == []
