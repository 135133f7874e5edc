package kernel

import (
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"
)

// A Mount is a line of mountinfo (man 5 proc_pid_mountinfo).
type Mount struct {
	Point, Type           string
	Options, SuperOptions []string // the mount's, and its file system's
}

const mountinfo = "proc/self/mountinfo"

// maxMounts is a hundred times what a guest has.
const maxMounts = 4096

// Mounts reads what is mounted in the guest. A line that is none is an error
// which names it.
func Mounts(fsys fs.FS) ([]Mount, error) {
	text, err := fs.ReadFile(fsys, mountinfo)
	if err != nil {
		return nil, err
	}
	var out []Mount
	n := 0
	for line := range strings.Lines(string(text)) {
		m, ok := parseMount(line)
		if n++; n > maxMounts {
			return nil, fmt.Errorf("%s: more than %d mounts", mountinfo, maxMounts)
		}
		if !ok {
			return nil, fmt.Errorf("%s: line %d is no mount", mountinfo, n)
		}
		out = append(out, m)
	}
	return out, nil
}

// parseMount reads "ID PARENT DEVICE ROOT POINT OPTIONS [TAG...] - TYPE SOURCE
// OPTIONS"; an empty source leaves two spaces.
func parseMount(line string) (m Mount, ok bool) {
	f := strings.Split(strings.TrimSuffix(line, "\n"), " ")
	dash := slices.Index(f, "-")
	if dash < 6 || len(f) != dash+4 || !isNumber(f[0]) || !isNumber(f[1]) {
		return Mount{}, false
	}
	return Mount{
		Point: f[4], Options: strings.Split(f[5], ","),
		Type: f[dash+1], SuperOptions: strings.Split(f[dash+3], ","),
	}, true
}

func isNumber(text string) bool {
	_, err := strconv.ParseUint(text, 10, 32)
	return err == nil
}
