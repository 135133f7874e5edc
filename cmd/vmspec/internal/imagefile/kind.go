package imagefile

import "bytes"

// A Kind is what a file is, for whoever expects something else than a disk.
type Kind struct {
	Is      string // with its article
	At      int64  // of the mark that tells it
	Disk    bool   // what Read takes, or says how to
	Program string // that unpacks it to its standard output; empty if none does
}

// KindOf says what a file is by its first bytes, at least as many as tell optical
// media, which is 32 KiB. It is empty for text, for zeroes, and for what is not
// known.
func KindOf(head []byte) Kind {
	if len(bytes.Trim(head, "\x00")) == 0 {
		return Kind{}
	}
	f, err := identify(bytes.NewReader(head), int64(len(head)))
	switch {
	case err != nil || f != nil && f.magic == "":
		return Kind{}
	case f == nil:
		return Kind{Is: "a disk image", Disk: true}
	}
	return Kind{Is: f.is, At: f.at, Disk: f.disk, Program: f.program}
}
