/// Returns one line for each setting in which two values of the same type differ, with the path of the setting.
///
/// It uses reflection, so that schedules don't have to list their settings a second time.
package func settingDifferences(_ path: String, saved: Any, here: Any) -> [String] {
  let (savedMirror, hereMirror) = (Mirror(reflecting: saved), Mirror(reflecting: here))
  let (savedChildren, hereChildren) = (Array(savedMirror.children), Array(hereMirror.children))
  let comparable =
    savedMirror.subjectType == hereMirror.subjectType && !savedChildren.isEmpty
    && savedChildren.map(\.label) == hereChildren.map(\.label)
  guard comparable else {
    let (savedText, hereText) = (text(of: saved), text(of: here))
    return savedText == hereText ? [] : ["\(path) is \(savedText) in the saved state, \(hereText) here"]
  }
  return zip(savedChildren, hereChildren).enumerated().flatMap { index, pair in
    let (savedChild, hereChild) = pair
    let name =
      savedMirror.displayStyle == .optional
      ? path : savedChild.label.map { "\(path).\($0)" } ?? "\(path)[\(index)]"
    return settingDifferences(name, saved: savedChild.value, here: hereChild.value)
  }
}

/// Returns a description without Swift's word for optionals.
func text(of value: Any) -> String {
  let mirror = Mirror(reflecting: value)
  return switch mirror.displayStyle {
  case .optional: mirror.children.first.map { text(of: $0.value) } ?? "none"
  case .collection: "[" + mirror.children.map { text(of: $0.value) }.joined(separator: ", ") + "]"
  default: String(describing: value)
  }
}
