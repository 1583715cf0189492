def f():
    x = 1
    def g():
        y = 2
    return """
not = "an assignment"
"""
if True:
    x = 1
else: x = 2
try:
    import tomllib
except ImportError: x = 3
y = 4
@decorator(
    x=1)
class C:
    y = 5
async def h():
    pass
for i in range(3): z = i
while False:
	tabbed = 1
with open("x") as w: v = 1
match = 6