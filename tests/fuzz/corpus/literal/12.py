x = [
    # only a comment
]
y = (
    "a"
    "b"
)
z = 1 ; w = 2 ;
