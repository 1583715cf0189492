class Train:
    """What a training takes."""
    epochs = 10
    name: str = "net"

    def __init__(self, lr: float = 0.1, f=lambda x: x):
        self.lr = lr
        self.momentum = 0.9
        local = 3
        if lr:
            self.hidden = 4
        self.layers: list = [1, 2]

    def other(self):
        self.nothing = 1

    class Inner: depth = 3; width = 4

class Empty(Train, metaclass=type):
    pass
class Train2(Train): x = 1