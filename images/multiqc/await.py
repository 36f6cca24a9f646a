"""await.py KIND: waits until no Workflow with the label biojobs/kind=KIND is going in this pod's namespace.

With --ledger it also keeps account of what a sheet's runs have cost so far; costs.py says how.
"""

import argparse
import sys
import time
from pathlib import Path

from cluster import Api, ApiError
from costs import Account, Price

SAVE = 10
"""The exit code that asks for the ledger to be put into the store, and to go on."""
SHARE = 20
"""Modelling takes one part in so many of the time at the most, however many runs there are."""


def wait(api: Api, kind: str, every: float, say: float, patience: float, account: Account | None) -> int:
    """Asks until there is none, or until the account's ledger is to be saved. Trouble with the API server is borne for
    `patience` seconds on end."""
    began = well = again = time.monotonic()
    told = -say
    while True:
        now = time.monotonic()
        try:
            going = api.one_going(kind)
            if account and (going is None or now >= again):
                news = account.round(api)
                again = now + SHARE * (time.monotonic() - now)
                if news:
                    print(f"await: {news}", flush=True)
                    if going is not None:
                        return SAVE
            well = now
            state = f"{going} is still going"
            if going is None:
                print(f"await: no run of kind {kind} is going")
                return 0
        except ApiError as trouble:
            state = f"the Kubernetes API does not answer as it should: {trouble}"
            if now - well >= patience:
                raise ApiError(f"{state} (for {now - well:.0f} s)") from None
        if now - told >= say:
            print(f"await: {state} (waiting for {(now - began) / 60:.0f} min)", flush=True)
            told = now
        time.sleep(every)


def main() -> int:
    """74 when the API server could not be asked, 10 when the ledger has news."""
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("kind")
    words.add_argument("--every", type=float, default=10, help="seconds between two questions")
    words.add_argument("--say", type=float, default=60, help="seconds between two lines of progress")
    words.add_argument("--patience", type=float, default=600, help="seconds of trouble with the API server")
    words.add_argument("--ledger", type=Path, help="file of what the sheet's runs have cost")
    words.add_argument("--save", type=float, default=300, help="seconds after which a ledger without news is saved")
    words.add_argument("--runs", default="", help="labels of the runs that count")
    words.add_argument("--budget", type=float, default=0, help="USD")
    words.add_argument("--prices", default="", help="where the prices are from")
    words.add_argument("--price", nargs=4, action="append", default=[], metavar=("STEP", "USD", "MILLICPU", "MIB"))
    given = words.parse_args()
    account = None
    if given.ledger:
        prices = {step: Price(float(usd), int(cpu), int(mib)) for step, usd, cpu, mib in given.price}
        account = Account(given.ledger, given.runs, given.budget, given.prices, prices, given.save)
    try:
        return wait(Api(), given.kind, given.every, given.say, given.patience, account)
    except ApiError as trouble:
        print(trouble, file=sys.stderr)
        return 74


if __name__ == "__main__":
    sys.exit(main())
