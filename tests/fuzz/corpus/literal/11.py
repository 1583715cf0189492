def __init__(self):
    self.x = 1
    y = 2
    class Q:
        z = 3