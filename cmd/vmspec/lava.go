package main

import (
	"errors"
	"fmt"
	"net/url"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v3"

	"vmspec/cmd/vmspec/internal/target"
	"vmspec/suite"
)

// lavaFlags say what a job of LAVA boots, and from where.
type lavaFlags struct {
	target.Options
	url, guest, firmware, profile string
	timeout                       time.Duration
	unchecked                     bool
}

func newLAVA() *cobra.Command {
	var f lavaFlags
	c := &cobra.Command{
		Use:   "lava TARGET",
		Short: "Write the job by which LAVA boots a target and reads its report",
		Long: `Write the job by which LAVA boots a target under QEMU and reads its report: one
result for each requirement, and one for the verdict. A failed must is fail, and so
is a missed recommendation (TODO); an error is unknown, and what was not tried is
skip. "vmspec report" reads LAVA's log, and tells them apart.

Kernel, initramfs, image and firmware are files of this machine, or lie under --url
by the same names. The list of expected results needs LAVA 2024 or newer, whose
server refused it before: --no-expected leaves it out.`,
		Example: `  vmspec lava qemu-virt-uefi --url https://files.example.org/vmspec >job.yaml
  vmspec lava qemu-virt --append vmspec.skip=PLAT-CPU-OFFLINE >job.yaml`,
		Args: takes(1, 1, "a target, of those that \"vmspec targets\" lists"),
		RunE: func(c *cobra.Command, args []string) error {
			job, err := f.job(args[0])
			if err != nil {
				return err
			}
			out := yaml.NewEncoder(c.OutOrStdout())
			out.SetIndent(2)
			return errors.Join(out.Encode(job), out.Close())
		},
	}
	flags := c.Flags()
	flags.StringVar(&f.url, "url", "", "`URL` of the folder from which LAVA fetches the files (default this machine's files)")
	flags.StringVar(&f.guest, "guest", "", "`DIR` with Image and initramfs.cpio.lz4 (default build/arm64, for AArch32 build/arm)")
	flags.StringVar(&f.Image, "image", "", "raw disk image `FILE` (default build/vmspec.img)")
	flags.StringVar(&f.firmware, "firmware", "", "UEFI's `CODE,VARS` files; U-Boot has one")
	flags.StringVar(&f.Append, "append", "", "more kernel `PARAMETERS`, such as vmspec.only=PLAT-GIC")
	flags.StringVar(&f.profile, "profile", "", "judge by this profile and not by rfc-v2")
	flags.StringVar(&f.Accel, "accel", "tcg", "tcg or kvm")
	flags.IntVar(&f.GIC, "gic", 3, "GIC version: 2 or 3")
	flags.IntVar(&f.CPUs, "cpus", 1, "number of CPUs")
	flags.IntVar(&f.Memory, "memory", 512, "memory in MiB")
	flags.DurationVar(&f.timeout, "timeout", 2*time.Minute, "for the boot, and again for the report")
	flags.BoolVar(&f.unchecked, "no-expected", false, "leave out the list of expected results")
	return c
}

// A lavaJob is one as LAVA's documentation has it: "Job definitions".
type lavaJob struct {
	Name       string         `yaml:"job_name"`
	Device     string         `yaml:"device_type"`
	Visibility string         `yaml:"visibility"`
	Priority   string         `yaml:"priority"`
	Context    lavaContext    `yaml:"context"`
	Timeouts   map[string]any `yaml:"timeouts"`
	Actions    []lavaAction   `yaml:"actions"`
}

// A lavaContext is what the template of LAVA's device type qemu takes from a job.
type lavaContext struct {
	Arch    string   `yaml:"arch"`
	Machine string   `yaml:"machine"`
	CPU     string   `yaml:"cpu"`
	Memory  int      `yaml:"memory"`
	Extra   []string `yaml:"extra_options"`
}

// A lavaAction is one of the three.
type lavaAction struct {
	Deploy *lavaDeploy `yaml:"deploy,omitempty"`
	Boot   *lavaBoot   `yaml:"boot,omitempty"`
	Test   *lavaTest   `yaml:"test,omitempty"`
}

type lavaDeploy struct {
	To      string               `yaml:"to"`
	Timeout lavaTime             `yaml:"timeout"`
	Images  map[string]lavaImage `yaml:"images"`
}

type lavaImage struct {
	Arg string `yaml:"image_arg"`
	URL string `yaml:"url"`
}

type lavaBoot struct {
	Method  string   `yaml:"method"`
	Media   string   `yaml:"media"`
	Timeout lavaTime `yaml:"timeout"`
}

type lavaTest struct {
	Timeout  lavaTime      `yaml:"timeout"`
	Monitors []lavaMonitor `yaml:"monitors"`
}

type lavaMonitor struct {
	Name     string            `yaml:"name"`
	Start    string            `yaml:"start"`
	End      string            `yaml:"end"`
	Pattern  string            `yaml:"pattern"`
	Fixup    map[string]string `yaml:"fixupdict"`
	Expected []string          `yaml:"expected,omitempty"`
}

type lavaTime struct {
	Seconds int `yaml:"seconds"`
}

// lavaPattern finds the ID of a point, or "verdict", and its result: the directive
// where there is one, for a skipped point begins with ok, too. LAVA reads in pieces, so
// a line counts when it is whole.
const lavaPattern = `(?=(?:(?:not )?ok \d+ - |# vmspec: )(?P<test_case_id>[A-Z][A-Z0-9-]+|verdict)[ \r\n])` +
	`(?:# vmspec: verdict |(?:not )?ok \d+ - [^#\r\n]*# )?` +
	`(?P<result>SKIP|TODO|ERROR|not ok|ok|not-conformant|conformant|could-not-tell|met-as-far-as-chosen)[^\r\n]*\r*\n`

// lavaResults are LAVA's words for ours.
var lavaResults = map[string]string{
	"ok": "pass", "not ok": "fail", "SKIP": "skip", "TODO": "fail", "ERROR": "unknown",
	"conformant": "pass", "not-conformant": "fail", "could-not-tell": "unknown", "met-as-far-as-chosen": "pass",
}

// notWord is what LAVA replaces in the name of a result.
var notWord = regexp.MustCompile(`\W+`)

// lavaName is a result's name as LAVA keeps it, and compares it with those expected.
func lavaName(id string) string { return notWord.ReplaceAllString(strings.ToLower(id), "_") }

// expected are the results of a whole report by a profile.
func (f *lavaFlags) expected(settings suite.Settings) (names []string) {
	if f.unchecked {
		return nil
	}
	for _, r := range suite.Catalogue() {
		if _, asked := r.Clauses.By(settings.Profile); asked {
			names = append(names, lavaName(r.ID))
		}
	}
	return append(names, "verdict")
}

// words are those of which nothing is the shell's that starts QEMU, nor LAVA's.
var words = regexp.MustCompile(`^[\w.,:=/+@ -]*$`)

func (f *lavaFlags) job(name string) (*lavaJob, error) {
	t, err := target.Find(name)
	if err != nil {
		return nil, err
	}
	if err := f.check(t); err != nil {
		return nil, err
	}
	settings, err := checkAppend(f.Append)
	if err != nil {
		return nil, err
	}
	images, err := f.images(t)
	if err != nil {
		return nil, err
	}
	machine, cpu := t.Board(f.Options)
	long := lavaTime{int(f.timeout.Seconds())}
	return &lavaJob{
		Name: "vmspec " + name, Device: "qemu", Visibility: "public", Priority: "medium",
		Context: lavaContext{arch(t), machine, cpu, f.Memory, []string{
			"-no-reboot", "-accel " + f.Accel, fmt.Sprintf("-smp %d", f.CPUs),
			"-global virtio-net-pci.romfile=", // LAVA adds a network card; its ROM may not be installed
			"-device virtio-rng-pci", "-device pcie-root-port,id=vmspec1,chassis=241,slot=241",
		}},
		Timeouts: map[string]any{"job": lavaTime{4 * long.Seconds}, "action": long, "connection": long},
		Actions: []lavaAction{
			{Deploy: &lavaDeploy{"tmpfs", long, images}},
			{Boot: &lavaBoot{"qemu", "tmpfs", long}},
			{Test: &lavaTest{long, []lavaMonitor{{
				Name: "vmspec", Start: "TAP version 13", End: "# vmspec: end points=",
				Pattern: lavaPattern, Fixup: lavaResults, Expected: f.expected(settings),
			}}}},
		},
	}, nil
}

func (f *lavaFlags) check(t target.Target) error {
	switch {
	case t.GRUB:
		return fmt.Errorf("%s: its disk is made by each run, which LAVA does not do", t.Name)
	case f.Accel != "tcg" && f.Accel != "kvm":
		return fmt.Errorf("--accel %s: tcg or kvm", f.Accel)
	case f.timeout < time.Second:
		return fmt.Errorf("--timeout %s: at least 1s", f.timeout)
	case !words.MatchString(f.Append):
		return fmt.Errorf("--append %s: LAVA starts QEMU by a shell: letters, digits and .,:=/+@- only", f.Append)
	case t.Image && f.Append+f.profile != "":
		return fmt.Errorf("--append, --profile: %s boots what is in its disk image, which LAVA tells nothing", t.Name)
	}
	if f.profile != "" {
		f.Append = strings.TrimSpace("vmspec.profile=" + f.profile + " " + f.Append)
	}
	if u, err := url.Parse(f.url); err != nil || f.url != "" && (u.Scheme == "" || u.Host == "" && u.Scheme != "file") {
		return fmt.Errorf("--url %s: a folder's, such as https://files.example.org/vmspec", f.url)
	}
	return errors.Join(f.Check(), checkProfile(f.profile))
}

// images are the files, and what QEMU is told of each.
func (f *lavaFlags) images(t target.Target) (map[string]lavaImage, error) {
	images := map[string]lavaImage{}
	add := func(label, file, arg string) error {
		at, err := f.at(file)
		images[label] = lavaImage{arg, at}
		return err
	}
	var err error
	if kind := t.Firmware(); kind != nil {
		found, findErr := kind.Find(f.firmware)
		switch {
		case findErr != nil:
			return nil, findErr
		case found.Vars == "":
			err = add("firmware", found.Code, "-bios {firmware}")
		default:
			err = errors.Join(
				add("code", found.Code, "-drive if=pflash,unit=0,format=raw,readonly=on,file={code}"),
				add("vars", found.Vars, "-drive if=pflash,unit=1,format=raw,file={vars}"))
		}
	} else if f.firmware != "" {
		err = fmt.Errorf("--firmware: %s starts a kernel without firmware", t.Name)
	}
	if t.Image {
		return images, errors.Join(err, add("image", diskImage(f.Image), "-drive if=none,id=image,format=raw,file={image} -device virtio-blk-pci,drive=image"))
	}
	kernel, ramdisk, findErr := findGuest(guestFolder(f.guest, arch(t)), arch(t))
	return images, errors.Join(err, findErr,
		add("kernel", kernel, `-kernel {kernel} -append "`+t.Parameters(f.Options)+`"`),
		add("ramdisk", ramdisk, "-initrd {ramdisk}"))
}

// at is where LAVA fetches a file.
func (f *lavaFlags) at(file string) (string, error) {
	if f.url != "" {
		return strings.TrimSuffix(f.url, "/") + "/" + url.PathEscape(path.Base(filepath.ToSlash(file))), nil
	}
	whole, err := filepath.Abs(file)
	return (&url.URL{Scheme: "file", Path: filepath.ToSlash(whole)}).String(), err
}
