package target

import (
	"errors"
	"fmt"
	"os/exec"
	"strings"
)

// ErrMissing says that a program or firmware is not installed.
var ErrMissing = errors.New("is not installed")

// A Package holds a program or firmware. It has a name in each system; what is
// empty is not known to be there.
type Package struct{ Debian, Fedora, Homebrew string }

// lastDebian names the last release of Debian that has a package, of those that
// later ones lack.
var lastDebian = map[string]int{"qemu-efi-arm": 13}

// Lacks tells whether the system has no such package.
func (s System) Lacks(p Package) bool {
	last, ended := lastDebian[p.Debian]
	return ended && s.isDebian() && (s.Version == 0 || s.Version > last)
}

// install is the command that installs a package; empty where none is known.
func (s System) install(p Package) string {
	for _, way := range []struct{ id, command, name string }{
		{"debian", "apt-get install ", p.Debian},
		{"fedora", "dnf install ", p.Fedora},
		{"darwin", "brew install ", p.Homebrew},
	} {
		if s.isLike(way.id) && way.name != "" {
			return way.command + way.name
		}
	}
	return ""
}

// missing is the error about what a package would hold. It says which command
// installs it, or else which of the files would do.
func (s System) missing(what string, p Package, files []string) error {
	command := s.install(p)
	switch {
	case s.Lacks(p):
		return fmt.Errorf("%s %w: %s has no package %s, so %s cannot start", what, ErrMissing, s.Name, p.Debian, p.users())
	case command != "":
		return fmt.Errorf("%s %w: %s", what, ErrMissing, command)
	case len(files) > 0:
		return fmt.Errorf("%s %w: looked for %s, of which Debian's package %s has one", what, ErrMissing, strings.Join(files, ", "), p.Debian)
	}
	return fmt.Errorf("%s %w: Debian's package %s has it", what, ErrMissing, p.Debian)
}

// users names the targets that need a package.
func (p Package) users() string {
	var names []string
	for _, t := range All() {
		if f := t.Firmware(); t.emulator().Package == p || f != nil && f.Package == p {
			names = append(names, t.Name)
		}
	}
	return strings.Join(names, ", ")
}

// An Emulator is a program that runs targets.
type Emulator struct {
	Name string
	Package
}

// Binary is the program that runs the targets, and Binary32 those of AArch32.
const (
	Binary   = "qemu-system-aarch64"
	Binary32 = "qemu-system-arm"
)

// Emulators lists the programs that run targets.
func Emulators() []Emulator {
	return []Emulator{
		{Binary, Package{"qemu-system-arm", "qemu-system-aarch64", "qemu"}},
		{Binary32, Package{"qemu-system-arm", "qemu-system-arm", "qemu"}},
	}
}

// Find returns the program's path.
func (e Emulator) Find() (string, error) { return e.find(ThisSystem()) }

func (e Emulator) find(s System) (string, error) {
	path, err := exec.LookPath(e.Name)
	if err != nil {
		return "", s.missing(e.Name, e.Package, nil)
	}
	return path, nil
}

func (t Target) emulator() Emulator {
	if t.AArch32 && t.Hypervisor == "" {
		return Emulators()[1]
	}
	return Emulators()[0]
}

// Program returns the program that runs this target.
func (t Target) Program() string { return t.emulator().Name }

// FindProgram returns the path of the program that runs this target.
func (t Target) FindProgram() (string, error) { return t.emulator().Find() }
