package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"vmspec/cmd/vmspec/internal/qmp"
	"vmspec/cmd/vmspec/internal/target"
	"vmspec/results"
	"vmspec/results/report"
)

// offerByDom0 offers what Xen's first domain does for another, by adapters/xen.sh,
// which is in its initramfs.
func (f *runFlags) offerByDom0(t target.Target, need, dir string) error {
	if t.Domain != target.DomU {
		return fmt.Errorf("--needs %s: of the targets with a hypervisor only xen-domu has somebody who does it", need)
	}
	f.NeedsSocket = filepath.Join(dir, "needs")
	f.server.offers[need] = f.server.acting("xl in dom0", byDom0(f.NeedsSocket))
	return nil
}

// byDom0 asks dom0 to do what a guest needs. One at a time: there is one port.
func byDom0(socket string) actor {
	turn := make(chan struct{}, 1)
	return func(ctx context.Context, n report.Need, d qmp.Device) (a results.Act, err error) {
		select {
		case turn <- struct{}{}:
			defer func() { <-turn }()
		case <-ctx.Done():
			return a, ctx.Err()
		}
		conn, err := (&net.Dialer{}).DialContext(ctx, "unix", socket)
		if err != nil {
			return a, err
		}
		defer conn.Close()
		defer context.AfterFunc(ctx, func() { conn.Close() })()
		if err := askDom0(conn, n, d); err != nil {
			return a, err
		}
		a.Status, a.Said, err = answerOfDom0(conn)
		return a, err
	}
}

// askDom0 writes a need and, if it is for a disk that is not there yet, the disk.
func askDom0(out io.Writer, n report.Need, d qmp.Device) error {
	var disk []byte
	if n.Name == report.NeedBlock {
		var err error
		if disk, err = os.ReadFile(d.Disk); err != nil {
			return err
		}
	}
	mac := d.MAC
	if mac == "" {
		mac = "-" // a field may not be empty
	}
	_, err := fmt.Fprintf(out, "%s %s %d %s %d\n%s", n.Name, n.Nonce, n.Timeout, mac, len(disk), disk)
	return err
}

// maxDom0Answer bounds a line of dom0's, in bytes.
const maxDom0Answer = 4096

// answerOfDom0 reads the exit status of what dom0 ran, and its last words.
func answerOfDom0(in io.Reader) (status int, said string, err error) {
	line, err := bufio.NewReader(io.LimitReader(in, maxDom0Answer)).ReadString('\n')
	if err != nil {
		return 0, "", fmt.Errorf("dom0 does not answer: %w", err)
	}
	number, said, _ := strings.Cut(strings.TrimSpace(line), " ")
	if status, err = strconv.Atoi(number); err != nil {
		return 0, "", fmt.Errorf("dom0 answers %q", oneLine(line))
	}
	if said = oneLine(said); status != 0 {
		err = errors.New("the adapter in dom0 exits with status " + number)
	}
	return status, said, err
}
