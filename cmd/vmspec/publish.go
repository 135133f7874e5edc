package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"vmspec/results"
	"vmspec/results/published"
	"vmspec/suite"
)

// placeLog stands for a log's name in --reproduce.
const placeLog = "{log}"

// publishFlags say what a folder of results is of.
type publishFlags struct {
	name, out string
	published.Folder
	reproduce string
}

func newPublish() *cobra.Command {
	var f publishFlags
	c := &cobra.Command{
		Use:   "publish LOG... --name NAME -o DIR",
		Short: "Make a folder of results that can be published",
		Long: `Make a folder of results that can be published, DIR/NAME, from the logs of a
hypervisor's boots. The logs, and the records that run leaves beside them, are
copied as they are: look at them before you send them, they name the VM's command
line and its devices. published.yaml says of what they are, how to make them again,
and what is concluded by each profile. "vmspec site DIR" makes pages of such folders.`,
		Example: `  vmspec run --log uefi.log qemu-virt-uefi
  vmspec publish uefi.log --name qemu-8.2.1 -o results --hypervisor QEMU --vmm-version 8.2.1 \
    --firmware 'AAVMF 2024.02' --host 'x86-64, Debian 13, TCG' --reproduce 'vmspec run qemu-virt-{log}'`,
		Args: takes(1, unlimited, "the logs of a hypervisor's boots"),
		RunE: f.run,
	}
	for _, s := range []struct {
		into        *string
		flag, usage string
	}{
		{&f.name, "name", "`NAME` of the folder, such as qemu-8.2.1"}, {&f.Hypervisor, "hypervisor", "its name"},
		{&f.Version, "vmm-version", "the hypervisor's version"}, {&f.Firmware, "firmware", "its name and version; none, if there is none"},
		{&f.Host, "host", "its CPU and system, and whether it emulates"}, {&f.Kernel, "kernel", "the guest's kernel (default as the first log says)"},
		{&f.Date, "date", "day of the boots (default that of the first log's file)"},
		{&f.reproduce, "reproduce", "`COMMAND` that makes the logs again; {log} is a log's name without .log (default as the records say)"},
	} {
		c.Flags().StringVar(s.into, s.flag, "", s.usage)
	}
	c.Flags().StringVarP(&f.out, "output", "o", "", "`DIR` in which the folder is made")
	return c
}

func (f *publishFlags) run(c *cobra.Command, logs []string) error {
	if err := f.complete(logs); err != nil {
		return err
	}
	folder := filepath.Join(f.out, f.name)
	if _, err := os.Lstat(folder); err == nil {
		return fmt.Errorf("%s is there already: choose another --name, or remove it", folder)
	}
	var copied []string
	for _, log := range logs {
		entry, files, err := f.log(c, log)
		if err != nil {
			return err
		}
		f.Logs, copied = append(f.Logs, entry), append(copied, files...)
	}
	if err := twice(copied); err != nil {
		return err
	}
	text, err := f.Write()
	if err != nil {
		return fmt.Errorf("%s: %s", published.File, results.OneLine(err.Error()))
	}
	return makePublished(folder, copied, text)
}

// complete refuses what is missing, before anything is read, and asks the first log.
func (f *publishFlags) complete(logs []string) error {
	for _, need := range []struct{ flag, value string }{
		{"--name NAME", f.name}, {"-o DIR", f.out}, {"--hypervisor", f.Hypervisor}, {"--vmm-version", f.Version}, {"--firmware", f.Firmware}, {"--host", f.Host},
	} {
		if need.value == "" {
			return fmt.Errorf("publish needs %s", need.flag)
		}
	}
	if err := published.CheckName(f.name); err != nil {
		return fmt.Errorf("--name: %w", err)
	}
	info, err := os.Stat(logs[0])
	if err != nil {
		return err
	}
	f.Date = cmp.Or(f.Date, info.ModTime().UTC().Format(time.DateOnly))
	if _, err := time.Parse(time.DateOnly, f.Date); err != nil {
		return fmt.Errorf("--date %s: a day such as 2026-11-30 is needed", f.Date)
	}
	if f.Kernel == "" {
		f.Kernel, err = kernelOf(logs[0])
	}
	f.Suite = judgedBy()
	return err
}

// judgedBy is by what verdicts are read.
func judgedBy() string { return "vmspec " + suite.Version + ", catalogue " + suite.CatalogueHash() }

var linuxVersion = regexp.MustCompile(`Linux version ([0-9A-Za-z.+_-]{1,64})`)

// kernelOf finds the guest's kernel in its log.
func kernelOf(log string) (version string, err error) {
	in, err := os.Open(log)
	if err != nil {
		return "", err
	}
	defer in.Close()
	_, err = readLog(in, log, "", func(line string) {
		if m := linuxVersion.FindStringSubmatch(line); m != nil && version == "" {
			version = "Linux " + strings.Clone(m[1])
		}
	})
	if err == nil && version == "" {
		err = fmt.Errorf("%s does not say which kernel it is of: name it by --kernel", log)
	}
	return version, err
}

// log says what is concluded from a log, and which files belong to it.
func (f *publishFlags) log(c *cobra.Command, name string) (l published.Log, files []string, err error) {
	if name == "-" {
		return l, nil, errors.New("publish copies files: standard input is none")
	}
	l = published.Log{File: filepath.Base(name)}
	l.Reproduce = strings.ReplaceAll(f.reproduce, placeLog, strings.TrimSuffix(l.File, ".log"))
	if !strings.HasSuffix(l.File, ".log") {
		return l, nil, fmt.Errorf("%s: the name of a log that is published ends in .log", name)
	}
	files = []string{name}
	if logs := seriesOf(c, name); logs != nil {
		l.Series = logs[1:]
		for _, other := range l.Series {
			files = append(files, filepath.Join(filepath.Dir(name), other))
		}
	}
	for _, log := range slices.Clone(files) {
		if _, err := os.Lstat(log + results.HostRunSuffix); err == nil {
			files = append(files, log+results.HostRunSuffix)
		}
	}
	if h := readRecord(name); h != nil && l.Reproduce == "" {
		l.Reproduce = strings.Join(h.Command, " ")
	}
	if l.Reproduce == "" {
		return l, nil, fmt.Errorf("%s has no record of its run: say by --reproduce how it was made", name)
	}
	l.Reproduce = clipTo(results.OneLine(l.Reproduce), 900)
	l.Verdicts, err = storedVerdicts(c, name)
	return l, files, err
}

// storedVerdicts are those on a log by each profile that its report knows.
func storedVerdicts(c *cobra.Command, name string) (map[string]published.Verdict, error) {
	var m mergeFlags
	boots, lost, err := m.bootsOf(c, name, filepath.Base(name))
	switch {
	case err != nil:
		return nil, err
	case lost != nil:
		return nil, undecided{errors.Join(lost...)}
	}
	out := map[string]published.Verdict{}
	for _, p := range suite.Profiles() {
		merged, err := results.MergeOf(boots...).By(string(p))
		if err != nil {
			return nil, fmt.Errorf("%s: by %s: %w: a log that is published has its report's frames", name, p, err)
		}
		addFixes(&merged.Report)
		out[string(p)] = published.VerdictOf(&merged.Report)
	}
	return out, nil
}

// twice refuses files of one name.
func twice(files []string) error {
	names := map[string]string{}
	for _, file := range files {
		base := filepath.Base(file)
		if other, ok := names[base]; ok {
			return fmt.Errorf("%s and %s have one name", other, file)
		}
		names[base] = file
	}
	return nil
}

// makePublished makes the folder as a whole, or not at all.
func makePublished(folder string, files []string, text []byte) (err error) {
	if err := os.MkdirAll(filepath.Dir(folder), 0o755); err != nil {
		return fmt.Errorf("-o: %w", err)
	}
	part, err := os.MkdirTemp(filepath.Dir(folder), ".publish-")
	if err != nil {
		return fmt.Errorf("-o: %w", err)
	}
	defer os.RemoveAll(part)
	for _, file := range files {
		if err := copyLog(file, filepath.Join(part, filepath.Base(file))); err != nil {
			return err
		}
	}
	if err := os.WriteFile(filepath.Join(part, published.File), text, 0o644); err != nil {
		return err
	}
	if err := os.Chmod(part, 0o755); err != nil {
		return err
	}
	return os.Rename(part, folder)
}

// copyLog copies a regular file.
func copyLog(from, to string) error {
	if !isFile(from) {
		return fmt.Errorf("%s is no file", from)
	}
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}
