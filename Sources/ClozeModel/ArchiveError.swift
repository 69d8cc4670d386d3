package import ClozeCore

/// A model folder that cannot be read.
package enum ArchiveError: Failure {
  case notAModelFolder(path: String)
  case badConfiguration(path: String, reason: String)
  case unsupported(path: String, what: String)
  case unknownTensor(path: String, name: String)
  case repeatedTensor(path: String, name: String, other: String, otherFile: String)
  case badIndex(path: String, reason: String)
  case foreignWeights(folder: String, format: ForeignWeights, model: String)
  case originalRelease(folder: String)
  case noHead(folder: String, model: String?)
  case otherSettings(path: String, differences: [String])
  case wrongKind(path: String, expected: String, found: String)

  package var exitStatus: ExitStatus { .data }

  package var description: String {
    switch self {
    case .notAModelFolder(let path):
      "\(path): is not a model folder, it has no config.json; name a folder that pretrain, finetune or transformers wrote"
    case .badConfiguration(let path, let reason): "\(path): \(reason); check what wrote the file"
    case .unsupported(let path, let what):
      "\(path): asks for \(what), which Cloze does not have; use another BERT model"
    case .unknownTensor(let path, let name):
      "\(path): tensor '\(name)' has no place in the model; the folder belongs to another architecture"
    case .repeatedTensor(let path, let name, let other, let otherFile):
      "\(path): tensor '\(name)' is there again as '\(other)' in \(otherFile); keep one of them"
    case .badIndex(let path, let reason): "\(path): \(reason); copy the folder anew"
    case .foreignWeights(let folder, let format, let model):
      "\(folder): its weights are in \(format.rawValue), which Cloze does not read; write model.safetensors with "
        + format.conversion(of: folder, model: model)
    case .originalRelease(let folder):
      "\(folder): is Google's original release (bert_config.json) and not a folder of transformers; convert it with "
        + "transformers 4 and tensorflow: BertForPreTraining.from_pretrained('bert_model.ckpt.index', from_tf=True, "
        + "config=BertConfig.from_json_file('bert_config.json')).save_pretrained(...)"
    case .noHead(let folder, let model):
      "\(folder): is an encoder without a masked-language head\(model.map { " (\($0))" } ?? ""), which predicts no "
        + "tokens; start a translator from it with finetune --model, train a head with pretrain --model, or name a "
        + "BertForMaskedLM"
    case .otherSettings(let path, let differences):
      "\(path): is of another model than the one that is to start from it: it has \(differences.joined(separator: "; ")); "
        + "leave the sizes out of the settings, a start takes them from the folder"
    case .wrongKind(let path, let expected, let found):
      "\(path): is a \(found) model where a \(expected) model is needed; name another folder"
    }
  }
}
