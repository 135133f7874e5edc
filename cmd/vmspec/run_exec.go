package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"vmspec/cmd/vmspec/internal/vmm"
	"vmspec/suite"
)

// execFlags are those of any VMM.
type execFlags struct {
	watchFlags
	serial, append, nonce, capture, store string
}

func newRunExec() *cobra.Command {
	var f execFlags
	c := &cobra.Command{
		Use:   "exec [flags] -- COMMAND [ARGUMENTS]",
		Short: "Start any VMM and judge the guest that it boots",
		Long: `Start any VMM and judge the guest that it boots, which must run the suite's
kernel and initramfs. Its standard output is taken for the guest's console.

What is for the guest is put into the command's arguments in place of {append},
all its kernel parameters, of {nonce}, and of {capture}, the file to which the
virtio-serial port org.vmspec.capture goes. The command also finds them in
VMSPEC_APPEND, VMSPEC_NONCE and VMSPEC_CAPTURE. Where {capture} is not among the
arguments, the captured guest is asked to come by the console.

With --boots, {store} and VMSPEC_STORE are a copy of the file that --store names,
the VM's variable store as it is before the first boot. The last boot has a copy
of its own.`,
		Example: `  vmspec run exec -- lkvm run -k build/arm64/Image -i build/arm64/initramfs.cpio.lz4
  vmspec run exec --serial vm.sock -- my-vmm --config vm.json
  vmspec run exec --append vmspec.only=PLAT-GIC -- my-vmm --cmdline '{append}'
  vmspec run exec --boots 2 --store vars.fd -- my-vmm --vars '{store}' --cmdline '{append}'`,
		Args: takes(1, unlimited, "a command"),
		RunE: func(c *cobra.Command, command []string) error {
			return f.always(c, filepath.Base(command[0]), func() error { return f.run(c, command) })
		},
	}
	f.register(c)
	c.Flags().StringVar(&f.serial, "serial", "",
		"read the console from `SOCKET|FILE`, tcp:HOST:PORT or listen:SOCKET, not from the command's output")
	c.Flags().StringVar(&f.append, "append", "", "kernel `PARAMETERS` for {append}")
	c.Flags().StringVar(&f.nonce, "nonce", "", "take only a report that carries this nonce")
	c.Flags().StringVar(&f.store, "store", "", "with --boots, a copy of `FILE` is {store}, the VM's variable store")
	c.Flags().StringVar(&f.capture, "capture", "", "keep the captured guest in `FILE` (.tar.gz)")
	return c
}

// Placeholders in a command's arguments.
const (
	placeAppend  = "{append}"
	placeNonce   = "{nonce}"
	placeCapture = "{capture}"
	placeStore   = "{store}"
)

func (f *execFlags) run(c *cobra.Command, command []string) error {
	mentions := func(word string) bool {
		return slices.ContainsFunc(command, func(a string) bool { return strings.Contains(a, word) })
	}
	if mentions(placeCapture) && f.capture == "" {
		return fmt.Errorf("%s: name the file with --capture", placeCapture)
	}
	if err := f.ready(command[0]); err != nil {
		return err
	}
	if err := f.checkStore(mentions(placeStore)); err != nil {
		return err
	}
	hasParameters := mentions(placeAppend) || mentions(placeNonce) || f.append != "" || f.capture != ""
	if f.boots > 1 {
		return f.runSeries(c, command, hasParameters)
	}
	return f.once(c, command, hasParameters, f.capture != "" && mentions(placeCapture))
}

// once runs the command one time.
func (f *execFlags) once(c *cobra.Command, command []string, hasParameters, byPort bool) error {
	if err := f.complete(hasParameters, byPort); err != nil {
		return err
	}
	r := vmm.Run{
		Serial: f.serial, Nonce: f.nonce,
		Command: f.fill(command),
		Env:     []string{"VMSPEC_APPEND=" + f.append, "VMSPEC_NONCE=" + f.nonce, "VMSPEC_CAPTURE=" + f.capture, "VMSPEC_STORE=" + f.store},
	}
	if f.capture != "" {
		file, err := openOutput("--capture", f.capture)
		if err != nil {
			return err
		}
		defer file.Close()
		r.Before = []func() error{func() error { return empty("--capture", file) }} // an old one is not this run's
	}
	out, err := f.watch(c, filepath.Base(command[0]), r, ": the command does not hand on "+placeAppend+" or VMSPEC_APPEND")
	switch {
	case f.capture == "" || err != nil && !errors.As(err, new(verdict)):
		return err
	case byPort:
		return checkCapture(c.ErrOrStderr(), f.capture, err)
	}
	return keepConsoleCapture(c.ErrOrStderr(), f.capture, out, err)
}

// ready checks what can be checked before any file is opened.
func (f *execFlags) ready(program string) error {
	if err := f.check(); err != nil {
		return err
	}
	_, err := exec.LookPath(program)
	if err != nil && !strings.Contains(program, "/") {
		return fmt.Errorf("%s is not installed", program)
	}
	return err
}

// complete makes the guest's parameters of the flags. A guest that has any also
// gets a nonce, which shows that it has read them.
func (f *execFlags) complete(hasParameters, byPort bool) error {
	settings, err := checkAppend(f.append)
	if err != nil {
		return err
	}
	f.chosen = settings
	if f.nonce != "" {
		if problems := suite.ParseSettings(map[string]string{"nonce": f.nonce}).Problems; problems != nil {
			_, problem, _ := strings.Cut(problems[0], ": ")
			return fmt.Errorf("--nonce %s: %s", f.nonce, problem)
		}
	}
	if settings.Nonce != "" && f.nonce != "" && settings.Nonce != f.nonce {
		return fmt.Errorf("--nonce %s: --append says %s", f.nonce, settings.Nonce)
	}
	f.nonce = cmp.Or(f.nonce, settings.Nonce)
	if f.nonce == "" && hasParameters {
		f.nonce = newNonce()
	}
	words := strings.Fields(f.server.parameter(f.append))
	if f.capture != "" && !byPort {
		words = append([]string{"vmspec.capture=console"}, words...)
	}
	if f.nonce != "" && settings.Nonce == "" {
		words = append([]string{"vmspec.nonce=" + f.nonce}, words...)
	}
	f.append = strings.Join(words, " ")
	return nil
}

// fill puts what is for the guest into the command's arguments.
func (f *execFlags) fill(command []string) []string {
	r := strings.NewReplacer(placeAppend, f.append, placeNonce, f.nonce, placeCapture, f.capture, placeStore, f.store)
	out := slices.Clone(command)
	for i := range out {
		out[i] = r.Replace(out[i])
	}
	return out
}

// keepConsoleCapture writes the captured guest that came by the console.
func keepConsoleCapture(stderr io.Writer, name string, out *vmm.Outcome, concluded error) error {
	if out.Capture != nil {
		if err := writeFile(name, out.Capture); err != nil {
			return fmt.Errorf("--capture: %w", err)
		}
		return concluded
	}
	err := fmt.Errorf("--capture %s: the guest sent none: it needs vmspec.capture=console, which is in %s and VMSPEC_APPEND", name, placeAppend)
	if out.CaptureErr != nil {
		err = fmt.Errorf("--capture %s: %w", name, out.CaptureErr)
	}
	return uncaptured(stderr, err, concluded)
}
