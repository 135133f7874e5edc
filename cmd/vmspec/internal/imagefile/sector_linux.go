package imagefile

import (
	"os"

	"golang.org/x/sys/unix"
)

// sectorOf asks a block device for its logical sectors' size: BLKSSZGET,
// include/uapi/linux/fs.h.
func sectorOf(f *os.File) (int, error) { return unix.IoctlGetInt(int(f.Fd()), unix.BLKSSZGET) }
