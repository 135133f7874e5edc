package osimage

import "io"

// Identify tells a kernel's architecture, as Go names it, and its release. Each
// is empty where the file does not show it: a zImage keeps its release packed.
func Identify(r io.ReaderAt, size int64) (arch, release string) {
	file := io.NewSectionReader(r, 0, size)
	if arch = kernelArch(file); arch != "" {
		release, _, _ = scan(file)
	}
	return arch, release
}

// ReleaseOf tells the release whose modules or configuration an initial ramdisk
// holds; empty if there is not just one.
func ReleaseOf(initrd io.Reader) string {
	var a archive
	if err := a.read(initrd); err != nil {
		return ""
	}
	return a.release()
}
