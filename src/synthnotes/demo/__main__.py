"""The command of the demo kit."""

from synthnotes.demo.kit import main

if __name__ == "__main__":
    main()
