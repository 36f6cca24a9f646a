"""In the place of a module that is imported but never used here: what is taken from it says so when it is called."""


def __getattr__(name: str) -> object:
    if name.startswith("__"):
        raise AttributeError(name)

    def missing(*_: object, **__: object) -> None:
        raise NotImplementedError(f"{__name__} is not in this image, {name} was asked of it")

    return missing
