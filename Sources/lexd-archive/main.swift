import CArchive
print(1)
