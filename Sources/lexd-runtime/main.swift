import CLXC
print(1)
