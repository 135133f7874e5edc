package initramfs

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// ErrNoApt says that this machine cannot fetch Debian packages.
var ErrNoApt = errors.New("apt-get and dpkg-deb are needed to fetch Debian's kernel; " +
	"elsewhere give a kernel and its modules with KERNEL= and MODULES=")

// ErrNoPackage says that the archive was read and does not have a package.
var ErrNoPackage = errors.New("no such package in this machine's archive")

// apt runs Debian's package clients with a state of their own.
type apt struct {
	dir, arch string
	progress  io.Writer
}

func newApt(dir, arch string, progress io.Writer) (*apt, error) {
	for _, tool := range []string{"apt-get", "apt-cache", "dpkg-deb"} {
		if _, err := exec.LookPath(tool); err != nil {
			return nil, ErrNoApt
		}
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	for _, sub := range []string{"lists/partial", "cache/archives/partial"} {
		if err := os.MkdirAll(filepath.Join(dir, "apt", sub), 0o755); err != nil {
			return nil, err
		}
	}
	a := &apt{dir: dir, arch: arch, progress: progress}
	return a, os.WriteFile(filepath.Join(dir, "apt", "status"), nil, 0o644)
}

// run runs a tool in a directory. Its error holds the first line that the tool
// wrote of one.
func (a *apt) run(ctx context.Context, dir, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%s: %w: %s", name, err, firstError(stderr.String()))
	}
	return string(out), nil
}

// firstError is the first line that apt marks as an error ("E: "), or the first
// line of all.
func firstError(said string) string {
	lines := strings.Split(strings.TrimSpace(said), "\n")
	for _, line := range lines {
		if text, ok := strings.CutPrefix(line, "E: "); ok {
			return text
		}
	}
	return lines[0]
}

// apt runs one of apt's commands on the private state. What it downloads goes
// into that.
func (a *apt) apt(ctx context.Context, name string, args ...string) (string, error) {
	private := a.private()
	options := []string{
		"-oAPT::Architecture=" + a.arch,
		"-oAPT::Architectures=" + a.arch,
		"-oDir::State=" + private,
		"-oDir::State::Lists=" + filepath.Join(private, "lists"),
		"-oDir::State::status=" + filepath.Join(private, "status"),
		"-oDir::Cache=" + filepath.Join(private, "cache"),
		"-oAPT::Sandbox::User=root",
		"-oAPT::Update::Error-Mode=any", // a source that does not answer is an error, apt-get(8)
		"-oAcquire::Languages=none",
		"-q",
	}
	out, err := a.run(ctx, private, name, append(options, args...)...)
	if err != nil {
		err = fmt.Errorf("%s: %w", args[0], err)
	}
	return out, err
}

func (a *apt) private() string { return filepath.Join(a.dir, "apt") }

// update reads the package lists anew. One source that does not answer must not
// keep us from the others: the error counts only where a package is missing.
func (a *apt) update(ctx context.Context) error {
	fmt.Fprintf(a.progress, "reading Debian's package lists for %s\n", a.arch)
	_, err := a.apt(ctx, "apt-get", "update")
	return err
}

// A debPackage is what apt-cache show says of a package.
type debPackage struct {
	name    string
	depends []string // those of which exactly one version will do
}

// show returns what the package lists say of a package.
func (a *apt) show(ctx context.Context, name string) (debPackage, error) {
	text, err := a.apt(ctx, "apt-cache", "show", "--no-all-versions", name)
	if ctx.Err() != nil {
		return debPackage{}, ctx.Err()
	}
	if err != nil {
		return debPackage{}, fmt.Errorf("%s for %s: %w", name, a.arch, ErrNoPackage)
	}
	return parsePackage(name, text), nil
}

// available returns those of the packages that the lists have. If they have none, the
// error is about the first.
func (a *apt) available(ctx context.Context, names []string) (there []string, err error) {
	for _, name := range names {
		_, missing := a.show(ctx, name)
		if missing == nil {
			there = append(there, name)
		}
		err = cmp.Or(err, missing)
	}
	if len(there) > 0 {
		err = nil
	}
	return there, err
}

// parsePackage reads what apt-cache show prints of a package. Of alternatives it
// takes the first (deb-control(5), "Depends").
func parsePackage(name, show string) debPackage {
	p := debPackage{name: name}
	for line := range strings.Lines(show) {
		depends, ok := strings.CutPrefix(line, "Depends: ")
		if !ok {
			continue
		}
		for item := range strings.SplitSeq(depends, ",") {
			item, _, _ = strings.Cut(item, "|")
			needed, version, _ := strings.Cut(strings.TrimSpace(item), " ")
			if strings.HasPrefix(version, "(= ") {
				p.depends = append(p.depends, needed)
			}
		}
	}
	return p
}

// parts lists a package and, again and again, those that it needs in exactly
// one version: the packages that are made of one source and hold its parts.
func (a *apt) parts(ctx context.Context, name string) ([]string, error) {
	names := []string{name}
	for i := 0; i < len(names); i++ {
		p, err := a.show(ctx, names[i])
		if err != nil {
			return nil, err
		}
		for _, needed := range p.depends {
			if !slices.Contains(names, needed) {
				names = append(names, needed)
			}
		}
	}
	return names, nil
}

// unpacked is the directory, below the one of a fetch, that holds the packages'
// files.
const unpacked = "unpacked"

// fetch downloads packages and unpacks them. What was there before goes only when
// they are here.
func (a *apt) fetch(ctx context.Context, names ...string) error {
	if err := removeAll(filepath.Join(a.private(), "*.deb")); err != nil {
		return err
	}
	fmt.Fprintf(a.progress, "downloading %s\n", strings.Join(names, " "))
	if _, err := a.apt(ctx, "apt-get", append([]string{"download"}, names...)...); err != nil {
		return err
	}
	if err := removeAll(filepath.Join(a.dir, "*.deb"), filepath.Join(a.dir, unpacked)); err != nil {
		return err
	}
	for _, name := range names {
		if err := a.unpack(ctx, name); err != nil {
			return err
		}
	}
	return nil
}

// fetchClosure downloads packages with all that they depend on and unpacks them.
// Which those are says apt, that knows of no package that is installed.
func (a *apt) fetchClosure(ctx context.Context, names ...string) error {
	archives := filepath.Join(a.private(), "cache", "archives")
	fmt.Fprintf(a.progress, "downloading %s and what they depend on\n", strings.Join(names, " "))
	args := append([]string{"install", "--download-only", "--yes", "--no-install-recommends"}, names...)
	if _, err := a.apt(ctx, "apt-get", args...); err != nil {
		return err
	}
	if err := removeAll(filepath.Join(a.dir, unpacked)); err != nil {
		return err
	}
	debs, err := filepath.Glob(filepath.Join(archives, "*.deb"))
	if err != nil {
		return err
	}
	for _, deb := range debs {
		if _, err := a.run(ctx, a.dir, "dpkg-deb", "-x", deb, filepath.Join(a.dir, unpacked)); err != nil {
			return err
		}
	}
	return removeAll(filepath.Join(archives, "*.deb"))
}

// removeAll removes what patterns match.
func removeAll(patterns ...string) error {
	for _, pattern := range patterns {
		found, err := filepath.Glob(pattern)
		if err != nil {
			return err
		}
		for _, name := range found {
			if err := os.RemoveAll(name); err != nil {
				return err
			}
		}
	}
	return nil
}

func (a *apt) unpack(ctx context.Context, name string) error {
	files, err := filepath.Glob(filepath.Join(a.private(), name+"_*.deb"))
	if err != nil || len(files) != 1 {
		return fmt.Errorf("apt-get download %s left %d packages in %s", name, len(files), a.private())
	}
	kept := filepath.Join(a.dir, filepath.Base(files[0]))
	if err := os.Rename(files[0], kept); err != nil {
		return err
	}
	_, err = a.run(ctx, a.dir, "dpkg-deb", "-x", kept, filepath.Join(a.dir, unpacked))
	return err
}
