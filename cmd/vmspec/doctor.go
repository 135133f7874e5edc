package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"

	"github.com/spf13/cobra"

	"vmspec/cmd/vmspec/internal/osimage"
	"vmspec/cmd/vmspec/internal/target"
	"vmspec/initramfs"
	"vmspec/suite"
)

// defaultTarget is the one of make run.
const defaultTarget = "qemu-virt-uefi"

// doctorFlags say where what boots is looked for, as those of run do.
type doctorFlags struct{ guest, guest32, image string }

func newDoctor() *cobra.Command {
	var f doctorFlags
	c := &cobra.Command{
		Use:   "doctor [TARGET]",
		Short: "Show what run uses of this machine, and what is missing",
		Long: `Show what run uses of this machine, with versions, and for each target whether
it can start. Exit status 3 if TARGET cannot, by default ` + defaultTarget + `.`,
		Args: takes(0, 1, ""),
		RunE: func(c *cobra.Command, args []string) error {
			t, err := target.Find(append(args, defaultTarget)[0])
			if err != nil {
				return err
			}
			return f.run(c, t)
		},
	}
	c.Flags().StringVar(&f.guest, "guest", "", "`DIR` with Image and initramfs.cpio.lz4 (default build/arm64)")
	c.Flags().StringVar(&f.guest32, "guest32", "", "`DIR` with those for AArch32 (default build/arm)")
	c.Flags().StringVar(&f.image, "image", "", "disk image `FILE` (default build/vmspec.img)")
	return c
}

func (f *doctorFlags) run(c *cobra.Command, asked target.Target) error {
	things := f.things(c.Context())
	if err := writeDoctor(c.OutOrStdout(), about(), things); err != nil {
		return err
	}
	if len(lacks(asked, things)) > 0 {
		return verdict(unusable)
	}
	return nil
}

// A thing is what targets need of this machine.
type thing struct {
	name  string
	found string // where it is, and its version
	err   error  // why it is not there, and what to do
}

// about says on what vmspec runs.
func about() []thing {
	kvm := thing{name: "/dev/kvm", found: "usable"}
	if err := target.KVM(); err != nil {
		kvm.found = fmt.Sprintf("not used, guests are emulated: %v", err)
	}
	if lacks := target.Lacks("kvm"); len(lacks) > 0 {
		kvm.found += "; its guests cannot have " + strings.Join(lacks, ", ")
	}
	system := strings.TrimPrefix(target.ThisSystem().Name+", ", ", ") + runtime.GOARCH
	return []thing{{name: "vmspec", found: suite.Version}, {name: "system", found: system}, kvm}
}

// things looks for all that any target needs.
func (f *doctorFlags) things(ctx context.Context) []thing {
	var out []thing
	for _, e := range target.Emulators() {
		path, err := e.Find()
		out = append(out, lookedFor(e.Name, err, func() string { return withVersion(path, programVersion(ctx, path)) }))
	}
	for _, k := range target.Kinds() {
		files, err := k.Find("")
		out = append(out, lookedFor(k.Name, err, func() string {
			return withVersion(strings.TrimSuffix(files.Code+", "+files.Vars, ", "), fileVersion(ctx, files.Code))
		}))
	}
	for _, g := range []struct{ named, arch string }{{f.guest, "arm64"}, {f.guest32, "arm"}} {
		kernel, archive, err := findGuest(guestFolder(g.named, g.arch), g.arch)
		out = append(out, lookedFor(kernelThing+g.arch, err, func() string { return withVersion(kernel, releaseOf(kernel, archive)) }))
	}
	grub, err := findGRUB(guestFolder(f.guest, "arm64"))
	out = append(out, lookedFor(grubThing, err, func() string { return grub }))
	for _, name := range initramfs.Hosts() {
		host, err := findHost(guestFolder(f.guest, "arm64"), name)
		out = append(out, lookedFor(hostThing+name, err, func() string { return host.Initramfs }))
	}
	image := diskImage(f.image)
	disk, err := openImage(image)
	if err == nil {
		err = disk.Close()
	}
	return append(out, lookedFor(imageThing, err, func() string { return image }))
}

// Names of what boots.
const (
	kernelThing = "kernel "
	imageThing  = "disk image"
	grubThing   = "GRUB arm64"
	hostThing   = "hypervisor "
)

func lookedFor(name string, err error, text func() string) thing {
	if err != nil {
		return thing{name: name, err: err}
	}
	return thing{name: name, found: text()}
}

func withVersion(path, version string) string {
	if version == "" {
		version = "version unknown"
	}
	return fmt.Sprintf("%s (%s)", path, version)
}

// releaseOf tells a guest's kernel's release, by itself or by its modules.
func releaseOf(kernel, archive string) string {
	for _, way := range []struct {
		file string
		read func(*os.File, int64) string
	}{
		{kernel, func(f *os.File, size int64) string { _, release := osimage.Identify(f, size); return release }},
		{archive, func(f *os.File, _ int64) string { return osimage.ReleaseOf(f) }},
	} {
		if release := readFile(way.file, way.read); release != "" {
			return release
		}
	}
	return ""
}

func readFile(name string, read func(*os.File, int64) string) string {
	f, err := os.Open(name)
	if err != nil {
		return ""
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return ""
	}
	return read(f, info.Size())
}

// lacks names the things that are missing for a target.
func lacks(t target.Target, things []thing) []string {
	needs := map[string]bool{t.Program(): true}
	if k := t.Firmware(); k != nil {
		needs[k.Name] = true
	}
	if t.GRUB {
		needs[grubThing] = true
	}
	if t.Hypervisor != "" {
		needs[hostThing+t.Hypervisor] = true
	}
	if t.Image {
		needs[imageThing] = true
	} else {
		needs[kernelThing+arch(t)] = true
	}
	var out []string
	for _, thing := range things {
		if needs[thing.name] && thing.err != nil {
			out = append(out, thing.name)
		}
	}
	return out
}

// writeDoctor writes the things, then what follows for the targets.
func writeDoctor(w io.Writer, about, things []thing) error {
	var b strings.Builder
	for _, thing := range append(about, things...) {
		text := thing.found
		if thing.err != nil {
			text = "missing: " + remedy(thing.err)
		}
		writeRow(&b, thing.name, text)
	}
	b.WriteString("\n")
	for _, t := range target.All() {
		text := "can start"
		if missing := lacks(t, things); len(missing) > 0 {
			text = "cannot start without " + strings.Join(missing, ", ")
		}
		writeRow(&b, t.Name, text)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// remedy is what an error says behind what is missing, which the row names.
func remedy(err error) string {
	_, text, ok := strings.Cut(err.Error(), target.ErrMissing.Error()+": ")
	if !ok {
		return err.Error()
	}
	return text
}

// Of the rows: a name and what there is to say, at most 80 columns together
// unless a path is longer.
const (
	nameWidth = 21
	textWidth = 80 - nameWidth
)

func writeRow(b *strings.Builder, name, text string) {
	for _, line := range wrap(text, textWidth) {
		fmt.Fprintf(b, "%-*s%s\n", nameWidth, name, line)
		name = ""
	}
}

// wrap breaks a text at its spaces.
func wrap(text string, width int) []string {
	var lines []string
	for word := range strings.FieldsSeq(text) {
		last := len(lines) - 1
		if last >= 0 && len(lines[last])+1+len(word) <= width {
			lines[last] += " " + word
			continue
		}
		lines = append(lines, word)
	}
	return lines
}
