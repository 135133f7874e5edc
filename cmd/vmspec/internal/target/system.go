package target

import (
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
)

// A System is an operating system, as os-release(5) describes it.
type System struct {
	Name    string   // for people: "Debian GNU/Linux 12 (bookworm)"
	IDs     []string // its own, then those of systems that it is like
	Version int      // its major version; 0 where it has none, as Debian's testing and unstable
}

// ThisSystem is this machine's. Of one that does not say, nothing is known.
func ThisSystem() System {
	if runtime.GOOS != "linux" {
		return System{Name: runtime.GOOS, IDs: []string{runtime.GOOS}}
	}
	for _, name := range []string{"/etc/os-release", "/usr/lib/os-release"} {
		if text, err := os.ReadFile(name); err == nil {
			return ParseSystem(string(text))
		}
	}
	return System{}
}

// ParseSystem reads os-release's lines, NAME=VALUE.
func ParseSystem(text string) System {
	values := map[string]string{}
	for line := range strings.Lines(text) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		values[name] = strings.Trim(value, `"'`)
	}
	major, _, _ := strings.Cut(values["VERSION_ID"], ".")
	version, _ := strconv.Atoi(major)
	return System{
		Name:    values["PRETTY_NAME"],
		IDs:     append(strings.Fields(values["ID"]), strings.Fields(values["ID_LIKE"])...),
		Version: version,
	}
}

// isLike tells whether the system installs packages as the named one does.
func (s System) isLike(id string) bool { return slices.Contains(s.IDs, id) }

// isDebian tells whether it is Debian itself.
func (s System) isDebian() bool { return len(s.IDs) > 0 && s.IDs[0] == "debian" }
