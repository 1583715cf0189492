x = 1
x = 2
class A:
    y = 1
class A:
    z = 2
A = 3