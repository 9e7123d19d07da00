package browser

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os/exec"
	"runtime"

	"golang.org/x/sys/unix"
)

// namespace is a network namespace that a thread of ours holds open.
type namespace struct {
	path      string
	listeners []net.Listener
	leave     func()
}

// openNamespace makes a network namespace with listeners on its loopback
// interface. A listener belongs to the namespace of the thread that made it, and
// can be used from everywhere: so no helper process is needed.
func openNamespace(listeners int) (*namespace, error) {
	type made struct {
		ns  *namespace
		err error
	}
	answer := make(chan made)
	end := make(chan struct{})
	ended := make(chan struct{})
	var hold func()
	hold = func() {
		runtime.LockOSThread()
		if unix.Gettid() == unix.Getpid() {
			// Not the main thread: /proc/self would show its network as that of all.
			// Another goroutine gets another thread while this one is taken.
			other := make(chan struct{})
			go func() { defer close(other); hold() }()
			<-other
			runtime.UnlockOSThread()
			return
		}
		// The thread is never unlocked, so it ends with this goroutine and nobody
		// else gets into the namespace by chance.
		defer close(ended)
		ns, err := enterNamespace(listeners)
		answer <- made{ns, err}
		if err == nil {
			<-end
		}
	}
	go hold()
	got := <-answer
	if got.err != nil {
		<-ended
		return nil, got.err
	}
	got.ns.leave = func() { close(end); <-ended }
	return got.ns, nil
}

// enterNamespace takes the current thread into a network namespace of its own.
func enterNamespace(listeners int) (ns *namespace, err error) {
	if _, err := exec.LookPath(nsenter); err != nil {
		return nil, fmt.Errorf("the program %s (util-linux) is needed for a network of the browser's own: %w", nsenter, err)
	}
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		if errors.Is(err, unix.EPERM) {
			return nil, errors.New("only root (CAP_SYS_ADMIN) may make a network namespace")
		}
		return nil, fmt.Errorf("make a network namespace: %w", err)
	}
	ns = &namespace{path: fmt.Sprintf("/proc/%d/task/%d/ns/net", unix.Getpid(), unix.Gettid())}
	if err := raise("lo"); err != nil {
		return nil, fmt.Errorf("raise the loopback interface: %w", err)
	}
	uplink() // a page then sees navigator.onLine as on any machine; without it all works, too
	defer func() {
		if err != nil {
			for _, l := range ns.listeners {
				_ = l.Close()
			}
		}
	}()
	for range listeners {
		l, err := net.Listen("tcp4", "127.0.0.1:0")
		if err != nil {
			return nil, fmt.Errorf("listen in the network namespace: %w", err)
		}
		ns.listeners = append(ns.listeners, l)
	}
	return ns, nil
}

// control gives a socket for interface requests.
func control(do func(fd int) error) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	return errors.Join(do(fd), unix.Close(fd))
}

func raise(name string) error {
	return control(func(fd int) error {
		r, err := unix.NewIfreq(name)
		if err != nil {
			return err
		}
		r.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
		return unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, r)
	})
}

// uplink adds an interface that leads nowhere: Chromium counts a machine with
// the loopback alone as offline, and names its errors by that.
func uplink() {
	const name, peer = "up0", "veth0" // the kernel names the other end
	for _, kind := range []string{"veth", "dummy"} {
		if addInterface(name, kind) != nil {
			continue
		}
		_ = raise(peer) // only a pair has one
		_ = control(func(fd int) error {
			for _, set := range []struct {
				request uint
				to      []byte
			}{
				{unix.SIOCSIFADDR, []byte{198, 18, 0, 1}}, // RFC 2544: of no real network
				{unix.SIOCSIFNETMASK, []byte{255, 255, 255, 255}},
			} {
				r, err := unix.NewIfreq(name)
				if err != nil {
					return err
				}
				if err := r.SetInet4Addr(set.to); err != nil {
					return err
				}
				if err := unix.IoctlIfreq(fd, set.request, r); err != nil {
					return err
				}
			}
			return nil
		})
		_ = raise(name)
		return
	}
}

// addInterface asks the kernel for an interface (rtnetlink(7), RTM_NEWLINK).
func addInterface(name, kind string) error {
	attr := func(of uint16, value []byte) []byte {
		b := binary.NativeEndian.AppendUint16(nil, uint16(unix.SizeofRtAttr+len(value)))
		b = append(binary.NativeEndian.AppendUint16(b, of), value...)
		return append(b, make([]byte, (4-len(b)%4)%4)...)
	}
	body := make([]byte, unix.SizeofIfInfomsg)
	body = append(body, attr(unix.IFLA_IFNAME, append([]byte(name), 0))...)
	body = append(body, attr(unix.IFLA_LINKINFO, attr(unix.IFLA_INFO_KIND, []byte(kind)))...)
	const header = unix.SizeofNlMsghdr
	msg := binary.NativeEndian.AppendUint32(nil, uint32(header+len(body)))
	msg = binary.NativeEndian.AppendUint16(msg, unix.RTM_NEWLINK)
	msg = binary.NativeEndian.AppendUint16(msg, unix.NLM_F_REQUEST|unix.NLM_F_ACK|unix.NLM_F_CREATE|unix.NLM_F_EXCL)
	msg = append(msg, make([]byte, 8)...) // sequence and port: one question, one answer
	msg = append(msg, body...)
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
	if err != nil {
		return err
	}
	defer func() { _ = unix.Close(fd) }()
	if err := unix.Sendto(fd, msg, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return err
	}
	answer := make([]byte, 4096)
	n, _, err := unix.Recvfrom(fd, answer, 0)
	if err != nil || n < header+4 {
		return errors.Join(err, errors.New("no answer"))
	}
	if code := int32(binary.NativeEndian.Uint32(answer[header:])); code != 0 {
		return unix.Errno(-code)
	}
	return nil
}

// nsenter is the program that starts another one in a namespace.
const nsenter = "nsenter"

// within makes the command start in a network namespace. It stays the same
// process: nsenter is replaced by the program.
func within(cmd *exec.Cmd, namespace string) error {
	path, err := exec.LookPath(nsenter)
	if err != nil {
		return fmt.Errorf("start in a network of its own: %w", err)
	}
	cmd.Args = append([]string{path, "--net=" + namespace, cmd.Path}, cmd.Args[1:]...)
	cmd.Path = path
	return nil
}
