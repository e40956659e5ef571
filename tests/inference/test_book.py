import pytest

from rightly.errors import InputError
from rightly.inference.book import BOOK, Entry, Price, SpendingBook
from rightly.types import Usage

PRICES = {"m": Price(1e6, 1e6)}


def entry(event, call, dollars, tokens=10, role="judge"):
    usage = Usage(input_tokens=tokens)
    return Entry(event=event, call=call, request="r", role=role, model="m", usage=usage, dollars=dollars)


@pytest.fixture
def book(tmp_path):
    opened = SpendingBook(tmp_path)
    yield opened
    opened.close()


def test_a_reservation_counts_until_it_is_settled_and_then_the_bill_does(book):
    assert book.reserve([entry("reserve", "1", 7.0)], 10.0, PRICES, first=True)
    assert book.spent(PRICES) == 7.0
    assert not book.reserve([entry("reserve", "2", 3.5)], 10.0, PRICES, first=False)
    book.settle(entry("settle", "1", 2.0))
    assert book.spent(PRICES) == 2.0
    assert book.reserve([entry("reserve", "2", 8.0)], 10.0, PRICES, first=False), "what fits exactly fits"


def test_book_is_shared_between_processes(book, tmp_path):
    other = SpendingBook(tmp_path)
    assert book.reserve([entry("reserve", "a", 7.0)], 10.0, PRICES, first=True)
    assert not other.reserve([entry("reserve", "b", 7.0)], 10.0, PRICES, first=True)
    book.settle(entry("settle", "a", 1.0))
    assert other.reserve([entry("reserve", "b", 7.0)], 10.0, PRICES, first=True)
    other.close()
    assert SpendingBook.read(tmp_path).spent(PRICES) == 8.0


def test_whether_another_process_has_calls_in_flight_is_known_while_it_lives(book, tmp_path):
    other = SpendingBook(tmp_path)
    assert not other.others_in_flight()
    book.reserve([entry("reserve", "a", 1.0)], 10.0, PRICES, first=True)
    assert other.others_in_flight()
    book.rest()
    assert not other.others_in_flight()
    book.reserve([entry("reserve", "b", 1.0)], 10.0, PRICES, first=True)
    book.close()
    assert not other.others_in_flight(), "as after a kill: its reservations are nobody's"
    other.close()


def test_unbilled_call_releases_its_reservation(book):
    book.reserve([entry("reserve", "1", 7.0)], 10.0, PRICES, first=True)
    book.settle(entry("settle", "1", 0.0, tokens=0))
    assert book.spent(PRICES) == 0
    assert not book.settled


def test_book_drops_torn_last_line_and_names_damaged_line(book, tmp_path):
    book.settle(entry("settle", "1", 2.0))
    path = tmp_path / BOOK
    whole = path.read_bytes()
    path.write_bytes(whole + whole[:30])
    again = SpendingBook(tmp_path)
    again.settle(entry("settle", "2", 3.0))
    assert again.spent(PRICES) == 5.0
    again.close()
    assert SpendingBook.read(tmp_path).spent(PRICES) == 5.0
    path.write_bytes(whole + b"{}\n")
    with pytest.raises(InputError, match=r"spending\.jsonl:2: not an entry .* choose another --out"):
        SpendingBook(tmp_path)


def test_spending_is_summed_by_role_and_model(book):
    for role, dollars in (("judge", 1.0), ("judge", 2.0), ("matcher", 0.5)):
        book.settle(entry("settle", f"{role}{dollars}", dollars, role=role))
    assert {key: (one.calls, one.dollars, one.usage.input_tokens) for key, one in book.settled.items()} == {
        ("judge", "m"): (2, 3.0, 20),
        ("matcher", "m"): (1, 0.5, 10),
    }


def test_a_folder_without_a_book_has_spent_nothing(tmp_path):
    assert SpendingBook.read(tmp_path).spent(PRICES) == 0
    assert not (tmp_path / BOOK).exists()
