"""`python -m emulator` is `spikemesh`."""

from emulator.cli import main

if __name__ == "__main__":
    main()
