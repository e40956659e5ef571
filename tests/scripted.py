"""A generator that answers from a function: the fake at our own protocol."""

from rightly.inference.generator import Completion, Request


class ScriptedGenerator:
    """Answers every request with ``answer(request)``: a text or a `Completion`; remembers what it was asked."""

    name = fingerprint = "scripted"
    concurrency = 8

    def __init__(self, answer):
        self._answer = answer
        self.requests: list[Request] = []

    async def generate(self, request):
        self.requests.append(request)
        said = self._answer(request)
        return said if isinstance(said, Completion) else Completion(text=said, finish_reason="stop")

    async def aclose(self):
        pass
