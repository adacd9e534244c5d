"""The rules about records, versions and writers name each kind of breakage."""

from dataclasses import replace
from datetime import timedelta

from infra.verify.entry import Writer
from infra.verify.rules.commands import check_commands
from infra.verify.rules.records import check_records
from infra.verify.rules.statuses import check_statuses
from infra.verify.rules.versions import check_versions
from infra.verify.rules.writers import check_writers
from tests.verify.road import whole
from tests.verify.story import NOON, Story, texts


class TestRecords:
    """Every event is readable, whole and in its place."""

    def test_a_bad_record(self) -> None:
        """An event that is none of its topic."""
        story = whole()
        story.record("order.events", "x", {"type": "OrderCreated"})
        assert "can't be read" in texts(story.judged(check_records))

    def test_a_foreign_key(self) -> None:
        """A key that is not the aggregate's id."""
        story = whole()
        story.change(story.find("order.events", "OrderDelivered"), key=b"other")
        assert "its key is b'other'" in texts(story.judged(check_records))

    def test_a_wrong_partition(self) -> None:
        """An event where other keys live."""
        story = whole()
        event = story.find("driver.events", "GoodsPickedUp")
        topic = story.entries[event.topic]
        topic[topic.index(event)] = replace(event, partition=(event.partition + 1) % 4, offset=99)
        assert "belongs into partition" in texts(story.judged(check_records))

    def test_an_id_that_is_rolled(self) -> None:
        """An id that does not derive from the command's."""
        story = whole()
        story.change(story.find("order.events", "OrderDelivered"), id="rolled")
        assert "does not derive" in texts(story.judged(check_records))


class TestVersions:
    """Versions follow each other."""

    def test_a_copy_is_harmless(self) -> None:
        """The very same event again is a note."""
        story = whole()
        story.repeat(story.find("order.events", "OrderScheduled"))
        verdict = story.judged(check_versions)
        assert texts(verdict) == ""
        assert "harmless duplicate of OrderScheduled" in verdict.notes[0].text
        assert texts(story.judged(check_commands)) == ""
        assert texts(story.judged(check_statuses)) == ""

    def test_another_event_of_the_same_version(self) -> None:
        """What two owners of a partition leave, where they decided differently."""
        story = whole()
        story.repeat(story.find("order.events", "OrderScheduled"), charge_id="other")
        assert "has version 3, as OrderScheduled at" in texts(story.judged(check_versions))

    def test_an_event_that_was_decided_on_another(self) -> None:
        """What a worker leaves that has not seen the end of the log."""
        story = whole()
        story.change(story.find("order.events", "PreparationDue"), follows="another")
        assert "it was decided on another event than" in texts(story.judged(check_versions))

    def test_a_lost_event(self) -> None:
        """A gap in the versions."""
        story = whole()
        story.drop(story.find("order.events", "PreparationDue"))
        assert "version 3 is followed by version 5" in texts(story.judged(check_versions))

    def test_a_lost_beginning(self) -> None:
        """An aggregate without its first event, where nothing was deleted."""
        story = whole()
        story.drop(story.find("order.events", "OrderCreated"))
        assert "its first event has version 2" in texts(story.judged(check_versions))


class TestWriters:
    """Who has lost a partition appends to it no more."""

    FIRST = Writer("worker-1", 1, NOON)
    SECOND = Writer("worker-2", 2, NOON + timedelta(seconds=9))

    def _story(self, *writers: Writer) -> Story:
        """The first events of one order are by these writers, the rest by the last."""
        story = whole()
        for number, event in enumerate(list(story.entries["order.events"])):
            story.change(event, writer=writers[min(number, len(writers) - 1)])
        return story

    def test_partitions_move(self) -> None:
        """To another worker, and back to the first under a new assignment."""
        back = replace(self.FIRST, generation=3, since=NOON + timedelta(seconds=30))
        story = self._story(self.FIRST, self.FIRST, self.SECOND, back)
        assert texts(story.judged(check_writers)) == ""

    def test_a_writer_that_was_succeeded_comes_back(self) -> None:
        """Though its event is of the right version, and nothing else tells."""
        story = self._story(self.FIRST, self.SECOND, self.FIRST, self.SECOND)
        told = texts(story.judged(check_writers))
        assert "by worker-1 of generation 1, which worker-2 of generation 2 had succeeded" in told
        assert texts(story.judged(check_versions)) == ""

    def test_a_writer_that_was_succeeded_appends_for_the_first_time(self) -> None:
        """It had taken the partition and written nothing before another took it."""
        told = texts(self._story(self.SECOND, self.FIRST, self.SECOND).judged(check_writers))
        assert "by worker-1 of generation 1" in told

    def test_a_group_that_begins_to_count_anew(self) -> None:
        """After all its members were gone for long: a later writer of a lower generation."""
        later = replace(self.FIRST, since=NOON + timedelta(days=9))
        assert texts(self._story(self.SECOND, later).judged(check_writers)) == ""

    def test_a_clock_that_was_set_back(self) -> None:
        """The successor's machine is behind: the group's count is believed."""
        behind = replace(self.SECOND, since=NOON - timedelta(seconds=9))
        assert texts(self._story(self.FIRST, behind).judged(check_writers)) == ""

    def test_a_copy_by_a_writer_that_was_succeeded_is_harmless(self) -> None:
        """A worker that was cut off decides the same commands, and its events count for nothing."""
        story = self._story(self.FIRST, self.SECOND)
        copy = story.repeat(story.find("order.events", "OrderScheduled"))
        story.change(copy, writer=self.FIRST)
        verdict = story.judged(check_writers)
        assert texts(verdict) == ""
        assert "had succeeded" in verdict.notes[0].text
