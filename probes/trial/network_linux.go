package trial

import (
	"encoding/binary"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net"
	"path"
	"strings"

	"golang.org/x/sys/unix"

	"vmspec/probes/network"
)

// Network brings the Ethernet interfaces up for a moment, and asks for an address
// on each without taking it.
func Network(root fs.FS, interfaces []network.Interface, n *network.Note) error {
	return tryNetwork(ethernet(interfaces), func(name string) (link, error) { return openLink(root, name) }, n)
}

// openLink opens an interface for packets of IP.
func openLink(root fs.FS, name string) (link, error) {
	i, err := net.InterfaceByName(name)
	if err != nil {
		return link{}, err
	}
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, int(bigEndian(unix.ETH_P_IP)))
	if err != nil {
		return link{}, fmt.Errorf("open a socket: %w", err)
	}
	to := &unix.SockaddrLinklayer{Protocol: bigEndian(unix.ETH_P_IP), Ifindex: i.Index, Halen: 6,
		Addr: [8]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}}
	var id exchange
	binary.NativeEndian.PutUint32(id[:], rand.Uint32())
	wasUp := i.Flags&net.FlagUp != 0
	return link{
		up: func() error {
			if err := setUp(fd, name, true); err != nil {
				return err
			}
			// After that: a socket that is bound to an interface that is down gets an error.
			return unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: bigEndian(unix.ETH_P_IP), Ifindex: i.Index})
		},
		carrier: func() bool {
			text, err := fs.ReadFile(root, path.Join("sys/class/net", name, "carrier"))
			return err == nil && strings.TrimSpace(string(text)) == "1"
		},
		ask:     func() error { return unix.Sendto(fd, discover(i.HardwareAddr, id), 0, to) },
		offered: func() bool { return receiveOffer(fd, id) },
		close: func() {
			if !wasUp {
				_ = setUp(fd, name, false)
			}
			unix.Close(fd)
		},
	}, nil
}

// bigEndian is htons, for the number of a protocol.
func bigEndian(n uint16) uint16 {
	return binary.NativeEndian.Uint16(binary.BigEndian.AppendUint16(nil, n))
}

// setUp switches an interface on or off (man 7 netdevice).
func setUp(fd int, name string, up bool) error {
	r, err := unix.NewIfreq(name)
	if err != nil {
		return err
	}
	if err := unix.IoctlIfreq(fd, unix.SIOCGIFFLAGS, r); err != nil {
		return err
	}
	flags := r.Uint16() &^ unix.IFF_UP
	if up {
		flags |= unix.IFF_UP
	}
	r.SetUint16(flags)
	return unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, r)
}

// maxPackets bounds how many packets are looked at without a pause.
const maxPackets = 64

func receiveOffer(fd int, id exchange) bool {
	packet := make([]byte, 2048)
	for range maxPackets {
		n, _, err := unix.Recvfrom(fd, packet, 0)
		if err != nil {
			return false
		}
		if isOffer(packet[:n], id) {
			return true
		}
	}
	return false
}
