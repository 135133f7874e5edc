package main

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"vmspec/cmd/vmspec/internal/qmp"
	"vmspec/cmd/vmspec/internal/vmm"
	"vmspec/probes/hotplug"
	"vmspec/results"
	"vmspec/results/report"
)

// A server is what a host does if the guest needs it: what it offers is told to the
// guest, and what it did is kept.
type server struct {
	onNeed []string // as given: NEED=COMMAND
	offers vmm.Serve
	mu     sync.Mutex
	done   []results.Act
	dir    string // of the disks that are plugged; empty before there is one
}

func (s *server) register(c *cobra.Command) {
	c.Flags().StringArrayVar(&s.onNeed, "on-need", nil,
		"`NEED=COMMAND`: run it if the guest needs hotplug-block, hotplug-net, pause or input; vmspec help hotplug")
}

// check reads the commands.
func (s *server) check() error {
	s.offers = vmm.Serve{}
	for _, given := range s.onNeed {
		need, command, ok := strings.Cut(given, "=")
		switch {
		case !ok || strings.TrimSpace(command) == "":
			return fmt.Errorf("--on-need %s: want NEED=COMMAND, such as hotplug-block=./attach.sh", given)
		case !slices.Contains(report.Needs(), need):
			return fmt.Errorf("--on-need %s: no need %q: there are %s; whose command plugs a device also unplugs it", given, need, strings.Join(report.Needs(), ", "))
		case s.offers[need] != nil:
			return fmt.Errorf("--on-need %s: %s is there twice", given, need)
		}
		s.offers[need] = s.acting(command, func(ctx context.Context, n report.Need, d qmp.Device) (results.Act, error) {
			return byCommand(ctx, command, n, d)
		})
	}
	return nil
}

// parameter is what the guest is told, unless its parameters say it already.
func (s *server) parameter(given string) string {
	offered := slices.DeleteFunc(slices.Sorted(maps.Keys(s.offers)), func(need string) bool { return need == report.NeedInput }) // is always asked
	if len(offered) == 0 || strings.Contains(" "+given, " vmspec.needs=") {
		return given
	}
	return strings.TrimSpace(given + " vmspec.needs=" + strings.Join(offered, ","))
}

// An actor does what a guest needs.
type actor func(ctx context.Context, n report.Need, d qmp.Device) (results.Act, error)

// acting keeps what an actor did, by whom.
func (s *server) acting(by string, act actor) func(context.Context, report.Need) bool {
	return func(ctx context.Context, n report.Need) bool {
		began := time.Now()
		ctx, cancel := context.WithTimeout(ctx, time.Duration(cmp.Or(n.Timeout, inputTimeout))*time.Second)
		defer cancel()
		var a results.Act
		d, err := s.device(n)
		if err == nil {
			a, err = act(ctx, n, d)
		}
		a.Need, a.Nonce, a.By, a.Seconds = n.Name, n.Nonce, by, time.Since(began).Seconds()
		if a.Done = err == nil; err != nil {
			a.Said = strings.TrimPrefix(a.Said+": "+oneLine(err.Error()), ": ")
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		s.done = append(s.done, a)
		return a.Done
	}
}

// inputTimeout is how long typing may take, in seconds: the guest's request does not say.
const inputTimeout = 30

// maxActed bounds what is kept of a command's words, in bytes.
const maxActed = 400

func oneLine(text string) string {
	text = results.OneLine(strings.ReplaceAll(text, "\n", "; "))
	return strings.ToValidUTF8(text[max(0, len(text)-maxActed):], "")
}

// byCommand runs a command of the user's.
func byCommand(ctx context.Context, command string, n report.Need, d qmp.Device) (a results.Act, err error) {
	out, err := vmm.Aside(ctx, command, []string{
		"VMSPEC_NEED=" + n.Name, "VMSPEC_NONCE=" + n.Nonce, "VMSPEC_TIMEOUT=" + strconv.Itoa(n.Timeout),
		"VMSPEC_DISK=" + d.Disk, "VMSPEC_MAC=" + d.MAC,
	})
	a.Status, a.Said = out.Status, oneLine(out.Stderr)
	if err == nil && out.Status != 0 {
		err = fmt.Errorf("the command %s", out.Ended())
	}
	return a, err
}

// device is what is plugged for a request.
func (s *server) device(n report.Need) (d qmp.Device, err error) {
	switch report.OfferFor(n.Name) {
	case report.NeedBlock:
		d.Disk, err = s.disk(n.Nonce)
	case report.NeedNet:
		sum := sha256.Sum256([]byte(n.Nonce))
		d.MAC = fmt.Sprintf("52:54:00:%02x:%02x:%02x", sum[0], sum[1], sum[2])
	}
	return d, err
}

// plugDiskSize is a disk's that is plugged, in bytes, and plugBlock is where its last
// block begins before its end: for blocks of 512 bytes.
const (
	plugDiskSize = 1 << 20
	plugBlock    = 512
)

// disk makes the disk for a request, or finds it: its first and its last block say
// for which it was made.
func (s *server) disk(nonce string) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.dir == "" {
		dir, err := os.MkdirTemp("", "vmspec-")
		if err != nil {
			return "", fmt.Errorf("make a disk: %w", err)
		}
		s.dir = dir
	}
	name := filepath.Join(s.dir, nonce+".img")
	if _, err := os.Stat(name); err == nil {
		return name, nil
	}
	disk := make([]byte, plugDiskSize)
	for _, at := range []int{0, plugDiskSize - plugBlock} {
		copy(disk[at:], hotplug.MarkOf(nonce))
	}
	if err := os.WriteFile(name, disk, 0o644); err != nil { // the VMM may be another user's
		return "", fmt.Errorf("make a disk: %w", err)
	}
	return name, nil
}

// acts are what was done, in the order in which it ended.
func (s *server) acts() []results.Act {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.done)
}

// complain says what the host could not do.
func (s *server) complain(stderr io.Writer, name string) {
	var b bytes.Buffer
	for _, a := range s.acts() {
		if !a.Done {
			fmt.Fprintf(&b, "vmspec: %s: the guest needed %s, and %s could not: %s\n", name, a.Need, a.By, a.Said)
		}
	}
	_, _ = stderr.Write(b.Bytes())
}

// begin forgets what was done for the boot before.
func (s *server) begin() { s.done = nil }

// close removes the disks.
func (s *server) close() {
	if s.dir != "" {
		_ = os.RemoveAll(s.dir) // a temporary folder
		s.dir = ""
	}
}
